//! Which release somebody runs, and what it looks like from outside.

use chrono::{DateTime, Datelike, Days, FixedOffset};

use super::super::profile::{Field, TextEncoding, Transfer};
use super::super::random_text::constant;
use crate::message::Installation;
use crate::mime::charset::Charset;
use crate::mime::encoded_word::{EncodedWords, WordEncoding};
use crate::mime::header::{self, HeaderStyle};

/// Releases with the day from which the program updated itself to them, from the project's release
/// notes; a new series was offered some weeks after its first release. Later ones do not say which
/// they are, on the yearly as on the monthly channel.
///
/// Days are written as one number, year first.
const RELEASES: &[(i32, &str)] = &[
    (20140902, "31.1.0"),
    (20141014, "31.2.0"),
    (20141201, "31.3.0"),
    (20150113, "31.4.0"),
    (20150224, "31.5.0"),
    (20150331, "31.6.0"),
    (20150512, "31.7.0"),
    (20150709, "38.1.0"),
    (20150814, "38.2.0"),
    (20150929, "38.3.0"),
    (20151123, "38.4.0"),
    (20151223, "38.5.0"),
    (20160216, "38.6.0"),
    (20160314, "38.7.0"),
    (20160510, "45.1.0"),
    (20160630, "45.2.0"),
    (20160830, "45.3.0"),
    (20161004, "45.4.0"),
    (20161130, "45.5.1"),
    (20161228, "45.6.0"),
    (20170126, "45.7.0"),
    (20170307, "45.8.0"),
    (20170515, "52.1.1"),
    (20170623, "52.2.1"),
    (20170816, "52.3.0"),
    (20171006, "52.4.0"),
    (20171123, "52.5.0"),
    (20180125, "52.6.0"),
    (20180323, "52.7.0"),
    (20180518, "52.8.0"),
    (20180710, "52.9.1"),
    (20181002, "60.2.1"),
    (20181031, "60.3.0"),
    (20181220, "60.4.0"),
    (20190129, "60.5.0"),
    (20190214, "60.5.1"),
    (20190325, "60.6.1"),
    (20190521, "60.7.0"),
    (20190620, "60.7.2"),
    (20190709, "60.8.0"),
    (20190911, "60.9.0"),
    (20191010, "68.1.2"),
    (20191107, "68.2.2"),
    (20191203, "68.3.0"),
    (20200110, "68.4.1"),
    (20200211, "68.5.0"),
    (20200312, "68.6.0"),
    (20200408, "68.7.0"),
    (20200505, "68.8.0"),
    (20200603, "68.9.0"),
    (20200630, "68.10.0"),
    (20200729, "68.11.0"),
    (20200827, "68.12.0"),
    (20200924, "78.3.1"),
    (20201021, "78.4.0"),
    (20201118, "78.5.0"),
    (20201215, "78.6.0"),
    (20210126, "78.7.0"),
    (20210223, "78.8.0"),
    (20210323, "78.9.0"),
    (20210419, "78.10.0"),
    (20210601, "78.11.0"),
    (20210713, "78.12.0"),
    (20210810, "78.13.0"),
    (20210907, "78.14.0"),
    (20211022, "91.2.1"),
    (20211103, "91.3.0"),
    (20211207, "91.4.0"),
    (20220111, "91.5.0"),
    (20220208, "91.6.0"),
    (20220308, "91.7.0"),
    (20220405, "91.8.0"),
    (20220503, "91.9.0"),
    (20220531, "91.10.0"),
    (20220628, "91.11.0"),
    (20220831, "102.2.1"),
    (20220920, "102.3.0"),
    (20221018, "102.4.0"),
    (20221115, "102.5.0"),
    (20221213, "102.6.0"),
    (20230131, "102.7.1"),
    (20230216, "102.8.0"),
    (20230314, "102.9.0"),
    (20230411, "102.10.0"),
    (20230509, "102.11.0"),
    (20230606, "102.12.0"),
    (20230705, "102.13.0"),
    (20230830, "102.15.0"),
    (20230927, UNNAMED),
];

/// What the program calls itself in place of a number since the series after 102.
const UNNAMED: &str = "";

/// A release on somebody's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Release {
    /// The series, such as 78; 115 for all later ones.
    pub(super) series: u16,
    version: &'static str,
    person: u64,
}

impl Release {
    /// What a person runs at a date. Most take updates as they come; a few are years behind.
    pub(super) fn of(installation: Installation, date: &DateTime<FixedOffset>) -> Self {
        let number = constant(installation.person, "release");
        let (least, most) = match number % 100 {
            0..=64 => (0, 9),
            65..=87 => (10, 45),
            88..=95 => (60, 240),
            _ => (500, 1500),
        };
        let behind = least + (number >> 32) % (most - least);
        let day = date
            .date_naive()
            .checked_sub_days(Days::new(behind))
            .unwrap_or_else(|| date.date_naive());
        let day =
            day.year() * 10000 + i32::try_from(day.month() * 100 + day.day()).unwrap_or_default();
        let known = RELEASES.partition_point(|&(since, _)| since <= day);
        let version = RELEASES
            .get(known.saturating_sub(1))
            .map_or(UNNAMED, |&(_, version)| version);
        let series = version.split('.').next().and_then(|n| n.parse().ok());
        Self {
            series: series.unwrap_or(115),
            version,
            person: installation.person,
        }
    }

    /// [`user_agent`](Release::user_agent) as it stands in the header: folded since release 45,
    /// with the serialiser that came then.
    pub(super) fn user_agent_header(self) -> String {
        let value = self.user_agent();
        if self.series < 45 {
            return value;
        }
        header::unstructured("User-Agent", &value, &HeaderStyle::PLAIN)
    }

    pub(super) fn user_agent(self) -> String {
        if self.version == UNNAMED {
            return "Mozilla Thunderbird".to_owned();
        }
        format!(
            "Mozilla/5.0 ({}; rv:{}.0) Gecko/20100101 Thunderbird/{}",
            self.platform(),
            self.series,
            self.version
        )
    }

    /// Company desks run Windows more often than anything else; no corpus of ours counts them.
    fn platform(self) -> &'static str {
        match (constant(self.person, "platform") % 100, self.series) {
            (0..=71, ..=45) => "Windows NT 6.1; WOW64",
            (0..=71, 52..=60) => "Windows NT 10.0; WOW64",
            (0..=71, _) => "Windows NT 10.0; Win64; x64",
            (72..=82, ..=38) => "Macintosh; Intel Mac OS X 10.9",
            (72..=82, ..=52) => "Macintosh; Intel Mac OS X 10.11",
            (72..=82, ..=60) => "Macintosh; Intel Mac OS X 10.13",
            (72..=82, ..=68) => "Macintosh; Intel Mac OS X 10.14",
            (72..=82, _) => "Macintosh; Intel Mac OS X 10.15",
            _ => "X11; Linux x86_64",
        }
    }

    /// Whether ids have the form of Netscape's: seconds in hexadecimal, and a number.
    pub(super) fn has_netscape_ids(self) -> bool {
        self.series < 45
    }

    /// Whether the language of the spelling dictionary is among the headers.
    pub(super) fn names_language(self) -> bool {
        self.series >= 52
    }

    /// Whether boundaries are hexadecimal; letters of both cases since release 91.
    pub(super) fn has_hexadecimal_boundaries(self) -> bool {
        self.series < 91
    }

    /// Whether the headers of attachments have a line for each parameter, and the encoding before
    /// the name.
    pub(super) fn folds_parameters(self) -> bool {
        self.series < 91
    }

    /// Whether what fits Windows-1252 is written in it.
    pub(super) fn prefers_windows(self) -> bool {
        self.series < 52
    }

    pub(super) fn has_doctype(self) -> bool {
        self.series >= 102
    }

    pub(super) fn body_tag(self) -> &'static str {
        match self.series {
            ..=52 => "<body bgcolor=\"#FFFFFF\" text=\"#000000\">",
            60 => "<body text=\"#000000\" bgcolor=\"#FFFFFF\">",
            _ => "<body>",
        }
    }

    pub(super) fn header_style(self) -> HeaderStyle {
        if self.series < 45 {
            HeaderStyle {
                encoded_words: EncodedWords {
                    charsets: &[
                        (Charset::Windows1252, "windows-1252"),
                        (Charset::Utf8, "UTF-8"),
                    ],
                    encoding: WordEncoding::Shorter,
                },
                ..HeaderStyle::PLAIN
            }
        } else {
            HeaderStyle::PLAIN
        }
    }

    /// How text is encoded, flowed or not; HTML is not.
    pub(super) fn encodings(self, flowed: bool) -> &'static [TextEncoding] {
        match (self.series, flowed) {
            (..=45, true) => WINDOWS_FLOWED,
            (..=45, false) => WINDOWS_FIXED,
            (..=78, true) => LOWER_FLOWED,
            (..=78, false) => LOWER_FIXED,
            (_, true) => UPPER_FLOWED,
            (_, false) => UPPER_FIXED,
        }
    }

    /// Headers of a mail that starts a thread: recipients and subject in the order in which they
    /// are filled in.
    pub(super) fn new_headers(self) -> Headers {
        match self.series {
            ..=38 => NETSCAPE,
            39..=78 => NEW_60,
            _ => NEW_91,
        }
    }

    /// Headers of a mail that starts a thread, as it is saved among the drafts: seen in public mail
    /// that was sent from drafts with tools that keep all headers (releases 1.5, 78, 102 and later).
    pub(super) fn draft_headers(self) -> Headers {
        match self.series {
            ..=38 => DRAFT_NETSCAPE,
            39..=78 => DRAFT_60,
            _ => DRAFT_91,
        }
    }

    /// What a draft says about how it is to be sent. The numbers of the formats have changed.
    pub(super) fn draft_info(self, is_html: bool) -> String {
        let format = match (is_html, self.series) {
            (false, _) => 1,
            (true, ..=78) => 4,
            (true, _) => 0,
        };
        format!(
            "internal/draft; vcard=0; receipt=0; DSN=0; uuencode=0;\r\n attachmentreminder=0; \
             deliveryformat={format}"
        )
    }

    /// Headers of an answer, which has a subject before anything else.
    pub(super) fn reply_headers(self) -> Headers {
        match self.series {
            ..=38 => NETSCAPE,
            39..=78 => REPLY_60,
            79..=102 => REPLY_91,
            // Where the language stands differs between the later ones: mostly behind `References`.
            _ if constant(self.person, "language header") % 100 < 15 => REPLY_91,
            _ => REPLY_115,
        }
    }

    /// Headers of a forward, as those of an answer.
    pub(super) fn forward_headers(self) -> Headers {
        match self.series {
            ..=38 => NETSCAPE,
            39..=78 => FORWARD_60,
            _ => FORWARD_91,
        }
    }
}

type Headers = &'static [(&'static str, Field)];

/// `User-Agent` among the values.
pub(super) const USER_AGENT: Field = Field::Value(0);
/// `Content-Language` among the values.
pub(super) const LANGUAGE: Field = Field::Value(1);
/// `X-Forwarded-Message-Id` among the values.
pub(super) const FORWARDED: Field = Field::Value(2);
/// `X-Mozilla-Draft-Info` among the values.
pub(super) const DRAFT_INFO: Field = Field::Value(3);
/// `Fcc` among the values.
pub(super) const SENT_FOLDER: Field = Field::Value(4);

const MIME_VERSION: (&str, Field) = ("MIME-Version", Field::Fixed("1.0"));
/// Of the first account that was set up.
const IDENTITY: (&str, Field) = ("X-Identity-Key", Field::Fixed("id1"));
const ACCOUNT: (&str, Field) = ("X-Account-Key", Field::Fixed("account1"));
const CONTENT_TYPE: (&str, Field) = ("Content-Type", Field::ContentType);
const TRANSFER: (&str, Field) = ("Content-Transfer-Encoding", Field::ContentTransferEncoding);

const NETSCAPE: Headers = &[
    ("Message-ID", Field::MessageId),
    ("Date", Field::Date),
    ("From", Field::From),
    ("User-Agent", USER_AGENT),
    MIME_VERSION,
    ("To", Field::To),
    ("CC", Field::Cc),
    ("Subject", Field::Subject),
    ("References", Field::References),
    ("In-Reply-To", Field::InReplyTo),
    CONTENT_TYPE,
    TRANSFER,
];

const DRAFT_NETSCAPE: Headers = &[
    ("FCC", SENT_FOLDER),
    IDENTITY,
    ACCOUNT,
    ("Message-ID", Field::MessageId),
    ("Date", Field::Date),
    ("X-Mozilla-Draft-Info", DRAFT_INFO),
    ("From", Field::From),
    ("User-Agent", USER_AGENT),
    MIME_VERSION,
    ("To", Field::To),
    ("CC", Field::Cc),
    ("Subject", Field::Subject),
    CONTENT_TYPE,
    TRANSFER,
];

const DRAFT_60: Headers = &[
    ("FCC", SENT_FOLDER),
    IDENTITY,
    ACCOUNT,
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("From", Field::From),
    ("Subject", Field::Subject),
    ("Message-ID", Field::MessageId),
    ("Date", Field::Date),
    ("X-Mozilla-Draft-Info", DRAFT_INFO),
    ("User-Agent", USER_AGENT),
    MIME_VERSION,
    CONTENT_TYPE,
    ("Content-Language", LANGUAGE),
    TRANSFER,
];

const DRAFT_91: Headers = &[
    ("Message-ID", Field::MessageId),
    ("Date", Field::Date),
    MIME_VERSION,
    ("User-Agent", USER_AGENT),
    ("Content-Language", LANGUAGE),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("From", Field::From),
    ("Subject", Field::Subject),
    ("X-Mozilla-Draft-Info", DRAFT_INFO),
    IDENTITY,
    ("Fcc", SENT_FOLDER),
    CONTENT_TYPE,
    TRANSFER,
];

const REPLY_60: Headers = &[
    ("Subject", Field::Subject),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("References", Field::References),
    ("From", Field::From),
    ("Message-ID", Field::MessageId),
    ("Date", Field::Date),
    ("User-Agent", USER_AGENT),
    MIME_VERSION,
    ("In-Reply-To", Field::InReplyTo),
    CONTENT_TYPE,
    ("Content-Language", LANGUAGE),
    TRANSFER,
];

const FORWARD_60: Headers = &[
    ("Subject", Field::Subject),
    ("References", Field::References),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("From", Field::From),
    ("X-Forwarded-Message-Id", FORWARDED),
    ("Message-ID", Field::MessageId),
    ("Date", Field::Date),
    ("User-Agent", USER_AGENT),
    MIME_VERSION,
    ("In-Reply-To", Field::InReplyTo),
    CONTENT_TYPE,
    ("Content-Language", LANGUAGE),
    TRANSFER,
];

const NEW_60: Headers = &[
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("From", Field::From),
    ("Subject", Field::Subject),
    ("Message-ID", Field::MessageId),
    ("Date", Field::Date),
    ("User-Agent", USER_AGENT),
    MIME_VERSION,
    CONTENT_TYPE,
    ("Content-Language", LANGUAGE),
    TRANSFER,
];

const NEW_91: Headers = &[
    ("Message-ID", Field::MessageId),
    ("Date", Field::Date),
    MIME_VERSION,
    ("User-Agent", USER_AGENT),
    ("Content-Language", LANGUAGE),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("From", Field::From),
    ("Subject", Field::Subject),
    CONTENT_TYPE,
    TRANSFER,
];

const REPLY_91: Headers = &[
    ("Message-ID", Field::MessageId),
    ("Date", Field::Date),
    MIME_VERSION,
    ("User-Agent", USER_AGENT),
    ("Subject", Field::Subject),
    ("Content-Language", LANGUAGE),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("References", Field::References),
    ("From", Field::From),
    ("In-Reply-To", Field::InReplyTo),
    CONTENT_TYPE,
    TRANSFER,
];

const REPLY_115: Headers = &[
    ("Message-ID", Field::MessageId),
    ("Date", Field::Date),
    MIME_VERSION,
    ("User-Agent", USER_AGENT),
    ("Subject", Field::Subject),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("References", Field::References),
    ("Content-Language", LANGUAGE),
    ("From", Field::From),
    ("In-Reply-To", Field::InReplyTo),
    CONTENT_TYPE,
    TRANSFER,
];

const FORWARD_91: Headers = &[
    ("Message-ID", Field::MessageId),
    ("Date", Field::Date),
    MIME_VERSION,
    ("User-Agent", USER_AGENT),
    ("Subject", Field::Subject),
    ("Content-Language", LANGUAGE),
    ("References", Field::References),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("From", Field::From),
    ("In-Reply-To", Field::InReplyTo),
    ("X-Forwarded-Message-Id", FORWARDED),
    CONTENT_TYPE,
    TRANSFER,
];

const UPPER_FLOWED: &[TextEncoding] = &utf_8("; charset=UTF-8; format=flowed");
const UPPER_FIXED: &[TextEncoding] = &utf_8("; charset=UTF-8");
const LOWER_FLOWED: &[TextEncoding] = &utf_8("; charset=utf-8; format=flowed");
const LOWER_FIXED: &[TextEncoding] = &utf_8("; charset=utf-8");
const WINDOWS_FLOWED: &[TextEncoding] = &windows(
    "; charset=windows-1252; format=flowed",
    "; charset=utf-8; format=flowed",
);
const WINDOWS_FIXED: &[TextEncoding] = &windows("; charset=windows-1252", "; charset=utf-8");

const fn utf_8(parameters: &'static str) -> [TextEncoding; 3] {
    [
        encoding(parameters, Transfer::SevenBit, Charset::Ascii),
        encoding(parameters, Transfer::EightBit, Charset::Utf8),
        encoding(parameters, Transfer::QuotedPrintable(76), Charset::Utf8),
    ]
}

const fn windows(parameters: &'static str, otherwise: &'static str) -> [TextEncoding; 5] {
    let quoted = Transfer::QuotedPrintable(76);
    [
        encoding(parameters, Transfer::SevenBit, Charset::Ascii),
        encoding(parameters, Transfer::EightBit, Charset::Windows1252),
        encoding(parameters, quoted, Charset::Windows1252),
        encoding(otherwise, Transfer::EightBit, Charset::Utf8),
        encoding(otherwise, quoted, Charset::Utf8),
    ]
}

const fn encoding(parameters: &'static str, transfer: Transfer, charset: Charset) -> TextEncoding {
    TextEncoding {
        charset,
        parameters,
        transfer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_follow_each_other() {
        assert!(RELEASES.is_sorted_by(|a, b| a.0 < b.0));
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap_or_default();
        let share = |date: &str, series: u16| {
            let people = (0..1000).map(|person| Installation { person, company: 0 });
            people
                .filter(|&person| Release::of(person, &at(date)).series == series)
                .count()
        };
        assert!((900..1000).contains(&share("2026-03-01T09:00:00Z", 115)));
        assert!((1..50).contains(&share("2026-03-01T09:00:00Z", 102)));
        assert!(share("2023-06-20T09:00:00Z", 102) > 850);
        assert!(share("2020-02-01T09:00:00Z", 68) > 600);
        assert!(share("1999-02-01T09:00:00Z", 31) == 1000);
    }

    #[test]
    fn one_names_itself_and_its_platform() {
        let date = DateTime::parse_from_rfc3339("2022-02-20T09:00:00Z").unwrap_or_default();
        let agents: Vec<String> = (0..40)
            .map(|person| Release::of(Installation { person, company: 0 }, &date).user_agent())
            .collect();
        for expected in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:91.0) Gecko/20100101 Thunderbird/91.6.0",
            "Mozilla/5.0 (X11; Linux x86_64; rv:91.0) Gecko/20100101 Thunderbird/91.6.0",
        ] {
            assert!(agents.iter().any(|agent| agent == expected), "{agents:#?}");
        }
    }
}
