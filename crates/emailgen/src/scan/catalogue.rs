//! Every tell: one row of data each.

/// How much one message with a tell says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Never in real mail, or it contradicts itself: one message is enough.
    Giveaway,
    /// Real mail has it too. Only its share says something, and only of a mailbox.
    Rate,
    /// A property of a whole mailbox that no single message shows.
    Mailbox,
}

/// How often real mail has a tell, in messages per 1000.
///
/// Measured on two public lists, 10,229 messages of usrp-users and 9,224 of linux-hyperv from 2019
/// to 2026; what the lists' own tables do not count (`mid_domain_not_senders`,
/// `irt_without_reply_prefix`, `boundary_contradicts_mua`, `flowed_long_line`,
/// `gmail_charset_form`) on a sample of 4,000 of each, at most 60 a sender. `None` where it was not
/// measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RealShare {
    /// On usrp-users.
    pub usrp: Option<f64>,
    /// On linux-hyperv, which takes plain text only.
    pub hyperv: Option<f64>,
}

/// What is known of a tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TellRow {
    /// Stable name.
    pub id: &'static str,
    /// What it means, in a plain sentence.
    pub meaning: &'static str,
    /// What one message with it says.
    pub weight: Weight,
    /// How often real mail has it.
    pub real: RealShare,
}

const fn real(usrp: f64, hyperv: f64) -> RealShare {
    RealShare {
        usrp: Some(usrp),
        hyperv: Some(hyperv),
    }
}

const UNMEASURED: RealShare = RealShare {
    usrp: None,
    hyperv: None,
};

macro_rules! tells {
    ($($name:ident $id:literal $weight:ident $real:expr, $meaning:literal;)*) => {
        /// Something that a script could find to tell that mail is synthetic.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Tell {
            $(#[doc = $meaning] $name,)*
        }

        impl Tell {
            /// All of them, those of single messages first.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its row.
            pub fn row(self) -> &'static TellRow {
                match self {
                    $(Self::$name => const {
                        &TellRow { id: $id, meaning: $meaning, weight: Weight::$weight, real: $real }
                    },)*
                }
            }
        }
    };
}

tells! {
    // Headers and identity.
    DuplicateSingletonHeader "duplicate_singleton_header" Giveaway real(0.0, 0.9), "A header that may stand once stands twice, such as MIME-Version.";
    MimeHeadersBeforeFrom "mime_headers_before_from" Rate real(0.0, 7.6), "Content-Type, MIME-Version and Content-Transfer-Encoding all stand above From, as Python's library writes them.";
    MidAbsent "mid_absent" Giveaway real(0.0, 0.0), "There is no Message-ID, or an empty one.";
    MidMakeMsgid "mid_make_msgid" Giveaway real(0.0, 0.0), "The Message-ID has the form that Python's library makes.";
    MidHex32WithoutExchangeHeaders "mid_hex32_without_exchange_headers" Rate real(5.2, 2.2), "The Message-ID is 32 hexadecimal digits, and neither Exchange, Outlook nor Roundcube wrote the mail.";
    MidUuid4Hex "mid_uuid4_hex" Giveaway UNMEASURED, "The Message-ID is a version 4 UUID without hyphens, and no mail client is named that makes such ones.";
    MidIsFileName "mid_is_file_name" Giveaway UNMEASURED, "The file is named after the Message-ID, which no mail server does.";
    MidDomainHasNoDot "mid_domain_has_no_dot" Rate real(24.0, 172.9), "The right side of the Message-ID has no dot.";
    MidContradictsMua "mid_contradicts_mua" Rate real(21.6, 6.6), "The mail client that the headers name makes other Message-IDs.";
    MidDomainNotSenders "mid_domain_not_senders" Rate real(0.5, 0.0), "The client puts the sender's domain into a Message-ID, and this is another.";
    GmailMidLength "gmail_mid_length" Giveaway real(0.0, 0.0), "Gmail's Message-IDs have 51 characters before the @, and this one has not.";
    ExchangeMidServersDiffer "exchange_mid_servers_differ" Giveaway real(0.0, 0.0), "Exchange Online names the same server on both sides of a Message-ID, and this one does not.";
    NoMuaTraceAtAll "no_mua_trace_at_all" Rate real(21.8, 398.2), "Nothing says which mail client wrote it.";
    AppleHeaderCaseWrong "apple_header_case_wrong" Giveaway real(0.3, 0.2), "Apple's clients write Message-Id, and this says Message-ID.";
    AppleBuildMismatch "apple_build_mismatch" Giveaway UNMEASURED, "Apple Mail repeats its version in Mime-Version, and the two differ.";
    DisplayNameUnescaped "display_name_unescaped" Giveaway real(0.0, 0.0), "The sender's name holds signs that must be quoted or encoded.";
    RawEightBitHeader "raw_8bit_header" Giveaway UNMEASURED, "An address line or the subject of a client that encodes them holds bytes that are not ASCII.";
    EncodedWordMalformed "encoded_word_malformed" Giveaway UNMEASURED, "An encoded word in the subject or an address line of a known client cannot be read.";

    // Date.
    DateAbsent "date_absent" Giveaway UNMEASURED, "There is no Date that can be read.";
    DateUtc "date_utc" Rate real(197.9, 338.2), "The Date is in UTC.";
    DateMinus0000 "date_minus0000" Rate real(1.7, 0.1), "The Date ends in -0000.";
    DateMinus0000FromAClient "date_minus0000_from_a_client" Giveaway UNMEASURED, "The Date ends in -0000, which the mail client that the headers name never writes.";
    DateSecondsZero "date_seconds_zero" Rate real(16.8, 16.9), "The seconds of the Date are zero.";
    ExchangeOnlineDateNotUtc "exchange_online_date_not_utc" Giveaway real(0.1, 0.1), "Exchange Online always dates +0000, and this is another offset.";
    Weekend "weekend" Rate real(86.1, 70.9), "It was written on a Saturday or Sunday.";
    Night "night_0_5" Rate real(44.5, 76.9), "It was written between midnight and five.";

    // Transport and storage.
    ReceivedMissingOutsideSent "received_missing_outside_sent" Giveaway real(0.0, 0.0), "It lies where received mail lies, and has no Received line.";
    ReceivedNotMonotone "received_not_monotone" Rate real(2.4, 57.0), "The times of its Received lines go backwards.";
    DateAfterDelivery "date_after_delivery_gt5min" Rate real(4.2, 5.2), "It is dated more than five minutes after the first server took it.";
    MtimeFarFromDelivery "mtime_far_from_delivery_gt1h" Rate UNMEASURED, "The file changed more than an hour before or after the delivery.";
    FileNameFarFromDelivery "file_name_far_from_delivery_gt1h" Rate UNMEASURED, "The time in the Maildir file name is more than an hour away from the delivery.";
    FileSizeWrong "file_size_wrong" Giveaway UNMEASURED, "S= or W= in the Maildir file name is not the size of the file.";
    MixedLineEnds "mixed_line_ends" Giveaway UNMEASURED, "Headers end their lines in LF and in CRLF, or otherwise than the text.";
    LineOver998 "line_over_998" Rate UNMEASURED, "A line is longer than the 998 octets that SMTP allows.";

    // Threads.
    ReplyWithoutIrt "reply_without_irt" Rate real(10.4, 2.1), "The subject says Re:, and there is no In-Reply-To.";
    IrtWithoutReferences "irt_without_references" Rate real(1.9, 11.3), "There is an In-Reply-To, and no References.";
    IrtNotLastReference "irt_not_last_reference" Rate real(1.1, 0.2), "The last of the References is not the In-Reply-To.";
    IrtNotLastReferenceGmail "irt_not_last_reference_gmail" Giveaway UNMEASURED, "Gmail's last reference always is the In-Reply-To, and here it is not.";
    IrtWithoutPrefix "irt_without_reply_prefix" Rate real(15.8, 0.2), "There is an In-Reply-To, and the subject has neither Re: nor Fwd:.";
    ExchangeWithoutThreadIndex "exchange_without_thread_index" Giveaway real(0.4, 0.1), "Exchange always writes a Thread-Index, and there is none.";
    ThreadIndexUndecodable "thread_index_undecodable" Giveaway UNMEASURED, "The Thread-Index is not base64 of 22 bytes and 5 for each reply, of which the first is 1.";
    ThreadIndexAfterDate "thread_index_after_date" Giveaway UNMEASURED, "The thread began more than a day after the mail was written.";
    OutlookReplyPrefixNotRe "outlook_reply_prefix_not_RE" Rate real(95.3, 4.8), "Outlook and Exchange write RE:, and this says Re:.";
    ReplyWithoutAnyQuote "reply_without_any_quote" Rate real(21.7, 11.1), "A reply quotes nothing.";
    QuoteStyleContradictsMua "quote_style_contradicts_mua" Rate real(3.5, 4.8), "The mail client that the headers name quotes in another way.";

    // MIME.
    B64PlainAscii "b64_plain_ascii" Rate real(7.9, 38.9), "Plain ASCII text is encoded as base64.";
    B64TextPart "b64_text_part" Rate real(49.5, 58.1), "The text is encoded as base64.";
    UndeclaredEightBit "undeclared_8bit" Giveaway real(0.0, 0.0), "The text holds bytes that are not ASCII and declares no encoding for them.";
    PythonBoundary "python_boundary" Giveaway real(0.0, 0.5), "The boundary has the form that Python's library makes.";
    GmailBoundaryWrong "gmail_boundary_wrong" Giveaway real(0.0, 0.0), "Gmail's boundaries are zeros and hexadecimal digits, and this is another.";
    BoundaryContradictsMua "boundary_contradicts_mua" Rate real(3.6, 0.0), "The mail client that the headers name makes other boundaries.";
    AppleBoundaryWrong "apple_boundary_wrong" Giveaway UNMEASURED, "Apple Mail writes Apple-Mail=_ and an iPhone Apple-Mail-, and here it is the other way round.";
    ExchangeBoundaryMalformed "exchange_boundary_malformed" Giveaway UNMEASURED, "The boundary of Exchange Online holds no Message-ID.";
    ExchangeBoundaryNotOfMid "exchange_boundary_not_of_mid" Rate RealShare { usrp: Some(5.4), hyperv: None }, "Exchange makes the boundary from the Message-ID, and here they differ.";
    GmailNotMultipart "gmail_not_multipart" Rate real(12.7, 48.7), "Gmail sends plain text only in its plain text mode.";
    GmailCharset "gmail_charset_form" Giveaway real(0.0, 0.8), "Gmail writes charset=\"UTF-8\", and this is us-ascii or in lower case.";
    HtmlBeforeText "html_before_text" Giveaway UNMEASURED, "Of two alternatives the HTML comes first.";
    AltHtmlDisagrees "alt_html_disagrees" Giveaway real(0.3, 0.0), "The HTML says something else than the plain text.";
    HtmlOnly "html_only" Rate real(4.2, 0.2), "There is HTML and no plain text.";
    SingleLineParagraph "single_line_paragraph_unflowed_plain" Rate real(14.7, 8.9), "Plain text has long lines that are neither wrapped nor flowed.";
    FlowedLongLine "flowed_long_line" Rate real(9.2, 3.2), "Flowed text has a line of more than 200 characters.";

    // Words.
    EmDash "em_dash" Rate real(7.7, 1.7), "The new text holds an em dash.";
    SmartQuotes "smart_quotes" Rate real(68.4, 9.4), "The new text holds curly quotes.";
    MarkdownFence "markdown_fence" Rate real(1.6, 0.4), "The new text holds the fence of a Markdown code block.";
    MarkdownBoldOrHeading "markdown_bold_or_heading" Rate real(12.7, 2.5), "The new text holds bold text or a heading in Markdown.";
    Placeholder "placeholder" Rate real(3.9, 0.4), "The new text holds something that looks like a place to fill in.";
    PlaceholderLeft "placeholder_left" Giveaway UNMEASURED, "The new text holds a place to fill in, such as [Your name].";
    AiDisclaimer "ai_disclaimer" Rate real(1.6, 1.7), "The new text holds words that a model puts around a mail.";
    AiSpeaks "ai_speaks" Giveaway UNMEASURED, "The writer says that it is a model.";
    LeakedSubject "leaked_subject" Giveaway UNMEASURED, "The text starts with a line that was to be the subject.";
    PromptRemains "prompt_remains" Giveaway UNMEASURED, "The text holds marks of a prompt.";
    InvisibleCharacter "invisible_character" Rate UNMEASURED, "The new text holds characters that cannot be seen.";
    SubjectBusinessCommunication "subject_business_communication" Giveaway real(0.0, 0.0), "The subject is Business Communication.";
    SubjectEmpty "subject_empty" Rate real(0.0, 0.8), "The subject is empty.";
    SubjectTitleCase "subject_title_case" Rate real(82.8, 4.9), "Every Word Of The Subject Is Capitalised.";
    HasGreetingLine "has_greeting_line" Rate real(445.7, 152.9), "The text starts with a greeting.";
    HasSignoffLine "has_signoff_line" Rate real(356.8, 305.1), "The text ends with regards or thanks.";
    PhraseHopeThisFinds "phrase_hope_this_finds" Rate real(0.5, 0.2), "Hope this finds you well.";
    PhraseDontHesitate "phrase_dont_hesitate" Rate real(1.9, 0.3), "Don't hesitate to reach out.";
    PhraseCircleBack "phrase_circle_back" Rate real(0.5, 0.7), "Circle back, touch base, loop in.";
    PhraseDelveLeverage "phrase_delve_leverage" Rate real(9.7, 8.1), "Delve, leverage, streamline, seamless, robust.";
    PhraseLetMeKnowIf "phrase_let_me_know_if" Rate real(4.6, 2.9), "Let me know if you or there.";
    PhraseAsDiscussed "phrase_as_discussed" Rate real(1.6, 3.1), "As discussed, as mentioned.";
    PhraseMovingForward "phrase_moving_forward" Rate real(1.3, 2.0), "Moving forward.";
    PhraseLookForward "phrase_look_forward" Rate real(5.9, 1.4), "Looking forward to.";
    PhraseEnsureThat "phrase_ensure_that" Rate real(7.2, 4.0), "Ensure that.";
    PhraseAdditionally "phrase_additionally" Rate real(7.7, 4.3), "Additionally, furthermore, moreover.";
    PhraseJustWantedTo "phrase_just_wanted_to" Rate real(1.4, 0.9), "Just wanted to follow up.";

    // Of a message, but known only beside the others.
    ReplyBeforeParent "reply_before_parent" Rate real(2.0, 1.3), "A reply is dated before the mail that it answers.";
    ReplyUnder60s "reply_under_60s" Rate real(0.3, 0.4), "A reply came within a minute.";
    IrtUnresolved "irt_unresolved" Rate real(91.8, 463.4), "It answers a mail that is not here.";
    ReplySubjectMismatch "reply_subject_mismatch" Rate real(11.0, 11.8), "A reply has another subject than the mail that it answers.";
    IdenticalBody "identical_body" Rate real(4.5, 15.4), "Another mail has the same new text.";
    NearDuplicate09 "near_duplicate_body_gt_0.9" Rate real(5.2, 11.0), "Another mail shares nine tenths of its new text.";
    NearDuplicate05 "near_duplicate_body_gt_0.5" Rate real(16.5, 19.9), "Another mail shares half of its new text.";

    // Of the whole mailbox.
    OneHeaderOrder "one_header_order_for_all" Mailbox UNMEASURED, "All mails have their headers in one of at most two orders.";
    AllUtc "all_utc" Mailbox UNMEASURED, "All mails are dated in UTC.";
    NoReplyQuotes "no_reply_quotes" Mailbox UNMEASURED, "No reply quotes anything.";
    NoReceivedAtAll "no_received_at_all" Mailbox UNMEASURED, "No mail has a Received line.";
    LatencyNearConstant "latency_near_constant" Mailbox UNMEASURED, "Replies all take about as long; in real mail they span four decades.";
    NoWeekendMail "no_weekend_mail" Mailbox UNMEASURED, "Nobody ever writes at the weekend.";
    NoAttachments "no_attachments" Mailbox UNMEASURED, "No mail has an attachment.";
    NoHtml "no_html" Mailbox UNMEASURED, "No mail has HTML.";
    NoCc "no_cc" Mailbox UNMEASURED, "No mail has a Cc.";
    OnlyTwoPartyThreads "only_two_party_threads" Mailbox UNMEASURED, "No thread has more than two writers.";
    NoUnresolvedReply "no_unresolved_reply" Mailbox UNMEASURED, "Every reply answers a mail that is here; in real mail one in ten does not.";
    OneMidClass "one_message_id_class" Mailbox UNMEASURED, "All Message-IDs have the same form.";
    SecondsAlwaysZero "date_seconds_always_zero" Mailbox UNMEASURED, "The seconds of all dates are zero.";
    NobodyHasTwoMailers "nobody_has_two_mailers" Mailbox UNMEASURED, "Nobody writes from both a desk and a phone.";
}

impl Tell {
    /// Whether one message with it is enough.
    pub fn is_giveaway(self) -> bool {
        self.row().weight == Weight::Giveaway
    }

    /// Its stable name.
    pub fn id(self) -> &'static str {
        self.row().id
    }
}

/// A set of tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TellSet(u128);

impl TellSet {
    pub(super) fn insert(&mut self, tell: Tell) {
        self.0 |= 1 << tell as u32;
    }

    pub(super) fn contains(self, tell: Tell) -> bool {
        self.0 & 1 << tell as u32 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_fit_a_set() {
        let mut ids: Vec<_> = Tell::ALL.iter().map(|tell| tell.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Tell::ALL.len());
        assert!(Tell::ALL.len() <= 128);
    }
}
