//! Answers of every kind that models give, as tables: what comes out, or why nothing does.

mod refused;

use super::{ExpectedMail, Problem, read_mail};

const NOTHING: ExpectedMail<'static> = ExpectedMail {
    is_reply: false,
    is_cut: false,
    language: None,
    sender_name: None,
    recipient_name: None,
    sender_signature: None,
    parent_text: None,
    uses_llms_heavily: false,
};
const REPLY: ExpectedMail<'static> = ExpectedMail {
    is_reply: true,
    ..NOTHING
};
const ANA_TO_LUIS: ExpectedMail<'static> = ExpectedMail {
    sender_name: Some("Ana López"),
    recipient_name: Some("Luis Ortega"),
    ..NOTHING
};

/// A mail that needs no repair, to be wrapped into all that models wrap mails into.
const SUBJECT: &str = "Printer on the second floor";
const BODY: &str =
    "Hi Luis,\n\nthe printer is broken again, please use ours until Friday.\n\nBest regards,\nAna";

#[track_caller]
fn reads_as(text: &str, expected: &ExpectedMail<'_>, subject: &str, body: &str) {
    match read_mail(text, expected) {
        Ok(mail) => assert_eq!((&*mail.subject, &*mail.body), (subject, body), "{text}"),
        Err(problems) => panic!("{problems:?} in {text}"),
    }
}

#[track_caller]
fn is_refused(text: &str, expected: &ExpectedMail<'_>, problem: Problem) {
    match read_mail(text, expected) {
        Ok(mail) => panic!("{text}\nwas read as {mail:?}"),
        Err(problems) => assert!(problems.contains(&problem), "{problems:?} in {text}"),
    }
}

#[test]
fn a_wrapped_mail_comes_out_clean() {
    let escaped = BODY.replace('\n', "\\n");
    let html = BODY.replace("\n\n", "</p><p>").replace('\n', "<br>\n");
    for text in [
        format!("Subject: {SUBJECT}\n\n{BODY}"),
        format!("SUBJECT : {SUBJECT}\n{BODY}\n\n"),
        format!(
            "\u{feff}Subject: {SUBJECT}\r\n\r\n{}\r\n",
            BODY.replace('\n', "\r\n")
        ),
        format!("Here is the email:\n\nSubject: {SUBJECT}\n\n{BODY}"),
        format!(
            "Sure! Here's a professional email for you:\n\n---\n\n**Subject:** {SUBJECT}\n\n{BODY}\n\n---\n\nLet me know if you'd like me to adjust the tone!"
        ),
        format!("Okay, here's a draft based on the data:\n\n**Subject: {SUBJECT}**\n\n{BODY}"),
        format!("Claro, aquí tienes el correo:\n\nAsunto: {SUBJECT}\n\n{BODY}"),
        format!(
            "Gerne! Hier ist die E-Mail:\n\nBetreff: {SUBJECT}\n\n{BODY}\n\nHinweis: Du kannst die E-Mail anpassen."
        ),
        format!("Bien sûr, voici l'e-mail :\n\nObjet : {SUBJECT}\n\n{BODY}"),
        format!("Oggetto: {SUBJECT}\n\n{BODY}"),
        format!("Assunto: \"{SUBJECT}\"\n\n{BODY}"),
        format!("Onderwerp: {SUBJECT}.\n\n{BODY}"),
        format!("Subject：{SUBJECT}\n\n{BODY}"),
        format!("# Subject: {SUBJECT}\n\n{BODY}"),
        format!("## Subject\n\n{SUBJECT}\n\n## Body\n\n{BODY}"),
        format!("# {SUBJECT}\n\n{BODY}"),
        format!("**{SUBJECT}**\n\n{BODY}"),
        format!("Subject - {SUBJECT}\n\n{BODY}"),
        format!("Subject:\n{SUBJECT}\n\n{BODY}"),
        format!("Subject: Re: Subject: {SUBJECT}\n\n{BODY}"),
        format!("**Subject:** {SUBJECT}\n\n**Body:**\n\n{BODY}"),
        format!("Email Subject: {SUBJECT}\n\nEmail Body:\n{BODY}"),
        format!(
            "From: Ana <ana@corp.example>\nTo: Luis\nSubject: {SUBJECT}\nDate: Mon, 3 Nov\n\n{BODY}"
        ),
        format!("De: Ana\nPara: Luis\nAsunto: {SUBJECT}\nFecha: lunes\n\n{BODY}"),
        format!("Subject: {SUBJECT}\n\nTo: Luis Ortega\n\n{BODY}"),
        format!("Subject: {SUBJECT}\n\nSubject: {SUBJECT}\n\n{BODY}"),
        format!("```\nSubject: {SUBJECT}\n\n{BODY}\n```"),
        format!("```text\nSubject: {SUBJECT}\n\n{BODY}"),
        format!(
            "Here you go:\n\n```email\nSubject: {SUBJECT}\n\n{BODY}\n```\n\nThis email is short and polite."
        ),
        format!("~~~\nSubject: {SUBJECT}\n\n{BODY}\n~~~"),
        format!("Subject: {SUBJECT}\n\n```\n{BODY}\n```"),
        format!("```Subject: {SUBJECT}\n\n{BODY}```"),
        format!("{{\"subject\": \"{SUBJECT}\", \"body\": \"{escaped}\"}}"),
        format!("```json\n{{\n  \"subject\": \"{SUBJECT}\",\n  \"body\": \"{escaped}\"\n}}\n```"),
        format!(
            "Here is the JSON:\n{{\"email\": {{\"Subject\": \"{SUBJECT}\", \"Content\": \"{escaped}\"}}}}\nDone."
        ),
        format!("{{\"asunto\": \"{SUBJECT}\", \"cuerpo\": \"{BODY}\"}}"),
        format!("{{\"betreff\": \"{SUBJECT}\", \"text\": \"{escaped}\"}}"),
        format!("{{\"body\": \"Subject: {SUBJECT}\\n\\n{escaped}\"}}"),
        format!("{{\"subject\": \"{SUBJECT}\", \"body\": \"{escaped}"),
        format!("Subject: {SUBJECT}\\n\\n{escaped}"),
        format!(
            "<think>\nThe user wants a mail.\nSubject: no\n</think>\n\nSubject: {SUBJECT}\n\n{BODY}"
        ),
        format!("I think about it.\n</think>\nSubject: {SUBJECT}\n\n{BODY}"),
        format!("Subject: {SUBJECT}\n\n{BODY}\n<think>was that right?"),
        format!(
            "<|im_start|>assistant\nSubject: {SUBJECT}\n\n{BODY}<|im_end|>\n<|im_start|>user\nthanks"
        ),
        format!("Subject: {SUBJECT}\n\n{BODY}</s>"),
        format!("<start_of_turn>model\nSubject: {SUBJECT}\n\n{BODY}<end_of_turn>"),
        format!(
            "<|channel|>analysis<|message|>Think.<|end|><|start|>assistant<|channel|>final<|message|>Subject: {SUBJECT}\n\n{BODY}<|return|>"
        ),
        format!("[INST] write [/INST] Subject: {SUBJECT}\n\n{BODY}"),
        format!(
            "Subject: {SUBJECT}\n\n{BODY}\n\n### END\n\nSubject: Other\n\nHi Bob, this is another mail."
        ),
        format!("Subject: {SUBJECT}\n\n{BODY}\n\n[End of email]"),
        format!(
            "Subject: {SUBJECT}\n\n{BODY}\n\n---\nSubject: Other\n\nHi Bob,\n\nmore of it here.\n\nBest regards,\nAna"
        ),
        format!("Subject: {SUBJECT}\n\n{BODY}\n\nNote: This email is short."),
        format!(
            "Subject: {SUBJECT}\n\n{BODY}\n\nI hope this helps! Let me know if you want changes."
        ),
        format!("Subject: {SUBJECT}\n\n{BODY}\n\n(Word count: 14)"),
        format!("Subject: {SUBJECT}\n\n{BODY}\n\nExplanation: it is polite."),
        format!(
            "Subject: {SUBJECT}\n\n{BODY}\n\nDear Bob,\n\nThe other printer is fine.\n\nBest,\nAna"
        ),
        format!(
            "**Email 1:**\n\nSubject: {SUBJECT}\n\n{BODY}\n\n**Email 2:**\n\nSubject: Other\n\nHi Bob, all good."
        ),
        format!(
            "Subject: {SUBJECT}\n\n{BODY}\n\nOn Mon, Nov 3, 2025 at 10:00 AM Luis Ortega <l@x.y> wrote:\n> Is it broken?\n> Luis"
        ),
        format!(
            "Subject: {SUBJECT}\n\n{BODY}\n\n-----Original Message-----\nFrom: Luis\nSent: Monday\nIs it broken?"
        ),
        format!("Subject: {SUBJECT}\n\n{BODY}\n\nUser: Now write another one"),
        format!("Subject: {SUBJECT}\n\n{html}"),
        format!("<html><body><p>Subject: {SUBJECT}</p><p>{html}</p></body></html>"),
        format!(
            "Subject: {SUBJECT}\n\n{}",
            BODY.replace("broken", "**broken**")
        ),
        format!("Subject: {SUBJECT}\n\n    {}", BODY.replace('\n', "\n    ")),
        format!(
            "Subject: {SUBJECT}\n\n{}",
            BODY.replace("broken", "bro\u{200b}ken\u{7}")
        ),
        format!(
            "Subject: {SUBJECT}\n\n{}",
            BODY.replace("\n\nthe", "\n\nI hope this email finds you well.\n\nthe")
        ),
        format!("Subject: {SUBJECT}\n\n{}", BODY.replace("\n\n", "\n\n\n\n")),
        format!("{BODY}\n\nSubject: {SUBJECT}"),
    ] {
        reads_as(&text, &NOTHING, SUBJECT, BODY);
        reads_as(&text, &ANA_TO_LUIS, SUBJECT, BODY);
    }
}

#[test]
fn replies_need_no_subject_and_may_be_short() {
    for (text, body) in [
        ("Done, thanks.", "Done, thanks."),
        (
            "{\"body\": \"Hi Ana,\\n\\nyes, ten works for me.\\n\\nLuis\"}",
            "Hi Ana,\n\nyes, ten works for me.\n\nLuis",
        ),
        ("Sure, I'll do it tomorrow.", "Sure, I'll do it tomorrow."),
        (
            "Sure! Here's the reply:\n\nYes, ten works.",
            "Yes, ten works.",
        ),
        (
            "Yes, ten works.\n\nEl lun, 3 nov 2025 a las 10:00, Ana escribió:\n> ¿Te va bien?",
            "Yes, ten works.",
        ),
        (
            "Yes, ten works for me on Monday.\n\nAm 3.11.2025 um 10:00 schrieb Ana Ruiz:\nGeht es?",
            "Yes, ten works for me on Monday.",
        ),
        ("> Does ten work?\n\nYes, ten works.", "Yes, ten works."),
        ("Re: Plan\n\nYes, ten works.", "Yes, ten works."),
        ("Subject: [Your Name]\n\nYes, ten works.", "Yes, ten works."),
        ("Yes, ten works 👍", "Yes, ten works 👍"),
        (
            "Claro, te lo mando hoy.\n\nUn saludo,\nAna",
            "Claro, te lo mando hoy.\n\nUn saludo,\nAna",
        ),
        (
            "I'm sorry, but I can't make it on Thursday. Could we meet on Friday?",
            "I'm sorry, but I can't make it on Thursday. Could we meet on Friday?",
        ),
        ("It works again. Then we could also", "It works again."),
    ] {
        if body == "It works again." {
            // Three words are no mail that an unfinished sentence could be cut from.
            is_refused(text, &REPLY, Problem::Cut);
            continue;
        }
        let read =
            read_mail(text, &REPLY).unwrap_or_else(|problems| panic!("{problems:?} in {text}"));
        assert_eq!(read.body, body, "{text}");
    }
}

#[test]
fn names_are_put_right_or_refused() {
    let mail = |body: &str| format!("Subject: Plan\n\n{body}");
    let text = "the plan is on for Monday at ten.";
    for (body, expected) in [
        (
            format!("Hi Luis,\n\n{text}\n\nBest,\n[Your Name]"),
            format!("Hi Luis,\n\n{text}\n\nBest,\nAna"),
        ),
        (
            format!("Hi Luis,\n\n{text}\n\nBest,\nYour Name"),
            format!("Hi Luis,\n\n{text}\n\nBest,\nAna"),
        ),
        (
            format!(
                "Hi [Recipient's Name],\n\n{text}\n\nBest regards,\n\n[Your Name]\n[Your Position]\n[Company]"
            ),
            format!("Hi Luis,\n\n{text}\n\nBest regards,\nAna"),
        ),
        (
            format!("Hi Luis,\n\n{text}\n\nKind regards,\nAna López\nFinance Manager\nMeridian"),
            format!("Hi Luis,\n\n{text}\n\nKind regards,\nAna"),
        ),
        (
            format!("Hi Luis,\n\n{text}\n\nSaludos,"),
            format!("Hi Luis,\n\n{text}\n\nSaludos,\nAna"),
        ),
        (
            format!("Hi Luis,\n\n{text}\n\nAna Lopez"),
            format!("Hi Luis,\n\n{text}\n\nAna"),
        ),
        (
            format!("Hola Ana:\n\nHola Luis,\n\n{text}\n\nUn saludo,\nAna"),
            format!("Hola Luis,\n\n{text}\n\nUn saludo,\nAna"),
        ),
        (
            format!("Luis,\n\n{text}\n\nAna"),
            format!("Luis,\n\n{text}\n\nAna"),
        ),
        (
            format!("Hi all,\n\n{text}\n\nThanks!"),
            format!("Hi all,\n\n{text}\n\nThanks!"),
        ),
        (
            format!("Hi Luis,\n\n{text}\n\nBest regards,\nAna\n\nP.S. Bring the file."),
            format!("Hi Luis,\n\n{text}\n\nBest regards,\nAna\n\nP.S. Bring the file."),
        ),
    ] {
        reads_as(&mail(&body), &ANA_TO_LUIS, "Plan", &expected);
    }
    let signed = ExpectedMail {
        sender_signature: Some("Ana López\nFinance | Meridian"),
        ..ANA_TO_LUIS
    };
    reads_as(
        &mail(&format!(
            "Hi Luis,\n\n{text}\n\nUn saludo,\nAna\n\nAna López\nFinance | Meridian"
        )),
        &signed,
        "Plan",
        &format!("Hi Luis,\n\n{text}\n\nUn saludo,\nAna"),
    );
    for body in [
        format!("Hi Ana,\n\n{text}\n\nBest,\nAna"),
        format!("Hi Luis,\n\n{text}\n\nBest regards,\nLuis Ortega"),
        format!("Hi Carlos,\n\n{text}\n\nBest regards,\nAna"),
        format!("Hi Luis,\n\n{text}\n\nLuis"),
        format!("Hi Luis,\n\n{text}\n\nThanks, Carlos"),
    ] {
        is_refused(&mail(&body), &ANA_TO_LUIS, Problem::WrongPerson);
    }
    is_refused(
        &mail(&format!("Dear Luis Ortega,\n\n{text}\n\nRegards,\nLuis")),
        &NOTHING,
        Problem::WrongPerson,
    );
    is_refused(
        &mail(&format!("Hola Ana:\n\nHola Luis,\n\n{text}\n\nMarta")),
        &NOTHING,
        Problem::WrongPerson,
    );
}

#[test]
fn ordinary_mails_stay_as_they_are() {
    for body in [
        "Hi Luis,\n\nTime: 10:00 on Monday\nPlace: room 2\n\nSee you there,\nAna",
        "Luis - can you check [INC-2041] before noon? Logs are in /var/log/mail, see also <https://wiki.corp.example/x>.",
        "Hi,\n\nquestion about the invoice: is 3 * 4 = 12 right, or is it \"net\"? Thanks for the help!\n\nCheers\nAna",
        "Hola Luis:\n\n¿Puedes mirar el pedido 4711? Gracias.\n\nUn saludo,\nAna",
        "Hallo Jana,\n\nkannst du mir die Zahlen bis Freitag schicken? Der Kunde fragt.\n\nViele Grüße\nAna",
        "Three things:\n- the printer\n- the coffee machine\n- your parking permit\n\nCan you look into them this week?",
        "Thanks for the quick answer. I'll take the 9:30 train.\n\nNote: the door on the east side is closed.",
        "Hi Luis,\n\nI need the list by 5 pm; otherwise we wait for Monday's run. OK for you?",
        "Bonjour Luc,\n\nje t'envoie le fichier demain matin, il manque encore deux chiffres.\n\nBonne journée,\nAnne",
        "sorry for the late reply, was in meetings all day. will send it tonight",
    ] {
        reads_as(&format!("Subject: Plan\n\n{body}"), &NOTHING, "Plan", body);
    }
    reads_as(
        "Subject: Plan\n\nHi Luis,\n\nDate: Monday 3 November\n\nPlease tell the team in time.",
        &NOTHING,
        "Plan",
        "Hi Luis,\n\n- Date: Monday 3 November\n\nPlease tell the team in time.",
    );
}

#[test]
fn who_uses_models_heavily_keeps_their_style() {
    let heavy = ExpectedMail {
        uses_llms_heavily: true,
        ..NOTHING
    };
    let body = "Hi Luis,\n\nI hope this email finds you well. The **plan** — mine — is “done”…";
    reads_as(&format!("Subject: Plan\n\n{body}"), &heavy, "Plan", body);
    is_refused(
        "Subject: Plan\n\nHi [Name], the plan is on for Monday.",
        &heavy,
        Problem::Placeholder,
    );
}

#[test]
fn hostile_answers_end_in_time() {
    for piece in [
        "<",
        "</",
        "<think>",
        "</think>",
        "<email>",
        "<!--",
        "<|",
        "[",
        "{",
        "{\"",
        "{\"body\":\"",
        "\\u",
        "\"",
        "`",
        "```\n",
        "~~~\n",
        "&amp;",
        "&",
        "a\u{b}",
        "Subject: a\u{2028}",
        "\n",
        "> ",
        "---\n",
        "On 1 wrote:\n",
        "*",
        "**a",
        "_a",
        "[a](",
        "Hi \n",
        "Best,\n",
        "From: a\n",
        "Date: a\n",
        "P.S. a\n",
        "$",
        "XX",
        "____ ",
        "I hope this email finds you ",
        "in order to ",
        "a ",
        "\u{200b}",
        "😀",
        "Best regards,\n\n\n",
        "as an ai ",
    ] {
        let text = piece.repeat(64 * 1024 / piece.len());
        let _ = read_mail(&text, &NOTHING);
        let _ = read_mail(
            &format!("Subject: x\n\nHi Luis, all well.\n{text}"),
            &ANA_TO_LUIS,
        );
    }
}
