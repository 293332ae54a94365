//! Hostile and odd messages of the kinds of the `eml_inputs` vectors.

mod support;

use support::eml_input::{EmlInput, check_messages};

/// More of the same kinds, each a way in which mail has been broken before.
#[test]
fn vectors_hostile_inputs() {
    let base = || EmlInput {
        sender_name: "John Smith".to_owned(),
        sender_email: "john@corp.com".to_owned(),
        recipient_name: "Sarah".to_owned(),
        recipient_email: "sarah@corp.com".to_owned(),
        subject: "Q3".to_owned(),
        body: "Hi,\nok".to_owned(),
        message_id: "<m@corp.com>".to_owned(),
        in_reply_to: None,
        references: String::new(),
        ts: "2026-04-26T12:00:00+00:00".to_owned(),
    };
    let mut inputs = Vec::new();
    for name in [
        "Smith, John",
        "",
        " ",
        "  John   Smith ",
        "John\tSmith",
        "a\\b",
        "\"",
        "\"quoted\"",
        "(x)",
        "a(b",
        "a)b",
        "John <ceo@corp.com>",
        "ceo@corp.com",
        "Group: a;",
        "=?utf-8?q?x?=",
        "=?utf-8?b?eA==?= =?x?=",
        "=?",
        "José Núñez",
        "Núñez, José (Ops)",
        "🎉 Party 🎉",
        "מרים כהן",
        "محمد",
        "李小龙",
        "e\u{301}le\u{300}ve",
        "\u{202e}evil",
        "\u{200b}",
        "\u{feff}x",
        "a\u{2028}b",
        "a\u{85}b",
        "a\u{a0}b",
        "John\r\nBcc: x@y.z",
        "John\n\nbody",
        "x\0y",
        "\u{7f}",
        "O'Neil",
        "J. R. R. Tolkien",
        ".",
        "..",
        "-",
        "a.b.c",
        "@",
        ",",
        ";",
        "R&D <team>",
        "50% off!",
        "`x` {y} ~z^",
        "Dr.-Ing. Jürgen Groß-Müller",
        "\u{fffd}\u{fffe}",
        "a;b",
        "_x_",
        "?=",
    ] {
        inputs.push((
            "name",
            EmlInput {
                sender_name: name.to_owned(),
                ..base()
            },
        ));
    }
    for name in [
        "x".repeat(256),
        "x".repeat(257),
        "é".repeat(256),
        "word ".repeat(50),
        "wörd ".repeat(50),
        "🎉".repeat(100),
        "Smith, John ".repeat(20),
        "\"".repeat(250),
        "\\".repeat(250),
        "王".repeat(120),
    ] {
        inputs.push((
            "long name",
            EmlInput {
                sender_name: name,
                ..base()
            },
        ));
    }
    for subject in [
        "",
        " ",
        "  two  spaces  inside  ",
        " leading",
        "trailing ",
        "tab\tinside",
        "=?utf-8?q?x?=",
        "=?utf-8?b?eA==?=",
        "a =?utf-8?q?x?= b",
        "=?",
        "?=",
        "=3D",
        "_under_score_",
        "A\r\nBcc: x@y.z",
        "A\nB",
        "A\rB",
        "A\0B",
        "\u{85}",
        "a\u{2028}b",
        "Reunión de equipo",
        "予算について",
        "🎉",
        "\u{feff}bom",
        "\u{202e}rtl",
        "Re: ",
        "Re: =?x?=",
        "a: b; c, d",
        "\"quoted\" (paren) <angle>",
        "100% = all?",
        "é",
        "e\u{301}",
        "שלום עולם",
        "\u{200d}",
        "a\u{a0}b",
        ":",
        "Subject: x",
    ] {
        inputs.push((
            "subject",
            EmlInput {
                subject: subject.to_owned(),
                ..base()
            },
        ));
    }
    for subject in [
        "x".repeat(600),
        "x".repeat(900),
        "x".repeat(901),
        "word ".repeat(120),
        "é".repeat(600),
        "é ".repeat(300),
        "two  spaces ".repeat(30),
        "予算".repeat(300),
        format!("{} {}", "a".repeat(69), "b".repeat(69)),
        format!("{} {}", "a".repeat(298), "b".repeat(301)),
        "🎉".repeat(300),
        "a ".repeat(400),
    ] {
        inputs.push(("long subject", EmlInput { subject, ..base() }));
    }
    for body in [
        "",
        "\n",
        "\n\n\n",
        "\nstarts blank",
        "no newline",
        "newline\n",
        "many\n\n\n\n",
        "  indented\n    more",
        " ",
        "\t",
        "\ttab",
        "trailing  \nspaces \n",
        "CRLF\r\nbody\r\n",
        "lone\rcr",
        "mixed\r\n\r\n\n\r",
        ">quote",
        "> quote\n>> two\n>",
        "From here",
        "From here\n.\nend",
        "x\nFrom y",
        ".",
        "..",
        ".\n.",
        "--",
        "-- ",
        "-- \nsig",
        "--\nx",
        "a\n--boundary\nb",
        "cómo — estás",
        "予算",
        "🎉",
        "a\u{2028}b\u{2029}c",
        "a\u{85}b",
        "a\0b\u{7}c\u{1b}[0m",
        "=",
        "=3D",
        "=\n=",
        "a=20",
        "x =",
        "\u{feff}bom",
        "e\u{301}",
        "\u{202e}rtl",
        "<b>&amp;</b>",
        "<script>alert(1)</script>",
        "&nbsp;",
        "a&b<c>\"d\"",
        "nbsp\u{a0}\u{a0}x",
        "Content-Type: x\n\nHi",
        "http://x.example/?a=1&b=\"2\"",
        "mail ana@corp.example, or <bob@corp.example>.",
        "a  b   c",
        "Dear Ana,\n\n\tIndent.\n\nJ",
        "begin 644 x\n`\nend",
        "=?utf-8?q?x?=",
        "\u{fffe}\u{ffff}\u{10ffff}",
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    ] {
        inputs.push((
            "body",
            EmlInput {
                body: body.to_owned(),
                ..base()
            },
        ));
    }
    for body in [
        "x".repeat(5000),
        "word ".repeat(1000),
        "é".repeat(5000),
        "wörd ".repeat(1000),
        "予".repeat(2000),
        "x".repeat(72),
        "x".repeat(73),
        format!("{} {}", "x".repeat(71), "y".repeat(10)),
        format!("{} {}", "x".repeat(72), "y"),
        format!("> {}", "word ".repeat(60)),
        format!(" {}", "word ".repeat(60)),
        format!("From {}", "word ".repeat(60)),
        format!("{}> x", "word ".repeat(14)),
        format!("{}From x", "word ".repeat(14)),
        format!("-- {}", "x".repeat(90)),
        format!("{}   {}", "x".repeat(71), "y".repeat(40)),
        "a  ".repeat(300),
        " ".repeat(5000),
        ">".repeat(5000),
        "\n".repeat(5000),
        "x\n".repeat(5000),
        "x".repeat(990),
        "x".repeat(991),
        format!("{}\tx", "word\t".repeat(40)),
        "🎉".repeat(1000),
        "-- ".repeat(60),
        "> ".repeat(60),
        "x".repeat(256 * 1024 + 1),
        "word ".repeat(50_000),
    ] {
        inputs.push(("long body", EmlInput { body, ..base() }));
    }
    for address in [
        "",
        "a",
        "@",
        "a@",
        "@b.co",
        "a@.",
        " a@b.co ",
        "a@b@corp.com",
        "a@b.co\r\nX: y",
        "josé@corp.com",
        "a@bücher.example",
        "a..b@c.de",
        ".a@c.de",
        "a.@c.de",
        "a b@c.de",
        "a@c..de",
        "a@-c.de",
        "\"a b\"@c.de",
        "a@[1.2.3.4]",
        "a,b@c.de",
        "<a@b.co>",
        "a@b.co>",
        "John <a@b.co>",
        "a\0@b.co",
        "o'neil+tag@corp.co.uk",
        "x_y-z@a-b.example",
        "A.B@C.DE",
        "a@b",
        "!#$%&'*/=?^`{|}~@b.co",
    ] {
        inputs.push((
            "address",
            EmlInput {
                sender_email: address.to_owned(),
                ..base()
            },
        ));
    }
    let long_local = format!("{}@b.co", "a".repeat(65));
    let long_domain = format!("a@{}.co", "b".repeat(260));
    for address in [
        long_local,
        long_domain,
        format!("{}@{}.example", "a".repeat(64), "b".repeat(63)),
    ] {
        inputs.push((
            "long address",
            EmlInput {
                sender_email: address,
                ..base()
            },
        ));
    }
    for id in [
        "",
        "m@corp.com",
        "<m>",
        "<m@corp.com",
        "<a b@x.y>",
        "<a@x.y>\r\nBcc: z",
        "<é@x.y>",
        "<a@b@c>",
        "<2025.1$x@y.z>",
        "<>",
    ] {
        inputs.push((
            "id",
            EmlInput {
                message_id: id.to_owned(),
                ..base()
            },
        ));
        inputs.push((
            "parent id",
            EmlInput {
                in_reply_to: Some(id.to_owned()),
                ..base()
            },
        ));
        inputs.push((
            "references",
            EmlInput {
                in_reply_to: Some("<p@x.y>".to_owned()),
                references: format!("{id} <p@x.y>"),
                ..base()
            },
        ));
    }
    let inputs = inputs
        .into_iter()
        .enumerate()
        .map(|(index, (kind, input))| (format!("{kind} {index}"), input))
        .collect();
    check_messages(inputs);
}
