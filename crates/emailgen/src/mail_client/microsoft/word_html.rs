//! HTML as Word writes it inside Outlook on a desktop, sent as it is or after an Exchange server
//! has put its attributes between quotes.

use super::{Body, History};
use crate::mail_client::html::{escape, with_spaces};
use crate::mime::flowed::Line;

/// What differs from one Word to another.
#[derive(Clone, Copy, Debug)]
pub(in crate::mail_client) struct Word {
    /// Name of the character set.
    pub(in crate::mail_client) charset: &'static str,
    /// Release of Word: 12 with Outlook 2007, 15 since 2013.
    pub(in crate::mail_client) release: u8,
    /// Whether Exchange has rewritten the attributes.
    pub(in crate::mail_client) by_exchange: bool,
    /// Whether the default font is the one of 2023.
    pub(in crate::mail_client) aptos: bool,
    /// Whether a new mail is written, for the name of the style.
    pub(in crate::mail_client) is_new: bool,
    /// Whether lengths are in inches.
    pub(in crate::mail_client) inches: bool,
}

/// The whole document.
pub(in crate::mail_client) fn render(body: &Body<'_>, word: &Word, language: &str) -> String {
    let mut out = String::with_capacity(8 * 1024);
    head(word, &mut out);
    let q = if word.by_exchange { "\"" } else { "" };
    let (link, visited) = if word.release < 15 {
        ("blue", "purple")
    } else if word.aptos {
        ("#467886", "#96607D")
    } else {
        ("#0563C1", "#954F72")
    };
    let wrap = if word.release < 15 {
        String::new()
    } else if word.by_exchange {
        " style=\"word-wrap:break-word\"".to_owned()
    } else {
        " style='word-wrap:break-word'".to_owned()
    };
    // A colour is quoted in any case, since it has a number sign.
    let colour = |value: &str| {
        if word.by_exchange || value.starts_with('#') {
            format!("\"{value}\"")
        } else {
            value.to_owned()
        }
    };
    out.push_str(&format!(
        "<body lang={q}{}{q} link={} vlink={}{wrap}>\n<div class={q}{}{q}>\n",
        language.to_uppercase(),
        colour(link),
        colour(visited),
        section(word)
    ));
    let normal = format!("<p class={q}MsoNormal{q}>");
    for line in body.text.split('\n') {
        paragraph(&normal, line, &mut out);
    }
    if !body.signature.is_empty() {
        paragraph(&normal, "", &mut out);
        for line in body.signature.split('\n') {
            paragraph(&normal, line, &mut out);
        }
    }
    if let Some(history) = &body.history {
        paragraph(&normal, "", &mut out);
        quoted(history, word, &normal, &mut out);
    }
    out.push_str("</div>\n</body>\n</html>\n");
    out
}

/// What the text stands in: Word numbers its sections, under another name since 2010.
fn section(word: &Word) -> &'static str {
    if word.release < 14 {
        "Section1"
    } else {
        "WordSection1"
    }
}

fn paragraph(normal: &str, line: &str, out: &mut String) {
    out.push_str(normal);
    if line.is_empty() {
        out.push_str("<o:p>&nbsp;</o:p></p>\n");
    } else {
        with_spaces(line, out);
        out.push_str("<o:p></o:p></p>\n");
    }
}

fn quoted(history: &History<'_>, word: &Word, normal: &str, out: &mut String) {
    let (colour, zero) = match (word.release, word.inches) {
        (..15, true) => ("#B5C4DF", "in"),
        (..15, false) => ("#B5C4DF", "cm"),
        (_, true) => ("#E1E1E1", "in"),
        (_, false) => ("#E1E1E1", "cm"),
    };
    let quote = if word.by_exchange { '"' } else { '\'' };
    out.push_str(&format!(
        "<div>\n<div style={quote}border:none;border-top:solid {colour} 1.0pt;\
         padding:3.0pt 0{zero} 0{zero} 0{zero}{quote}>\n{normal}"
    ));
    let last = history.block.len().saturating_sub(1);
    for (index, (label, value)) in history.block.iter().enumerate() {
        out.push_str("<b>");
        escape(label, false, out);
        out.push_str(":</b> ");
        with_spaces(value, out);
        out.push_str(if index < last {
            "<br>\n"
        } else {
            "<o:p></o:p></p>\n"
        });
    }
    out.push_str("</div>\n</div>\n");
    paragraph(normal, "", out);
    for Line { text, .. } in &history.lines {
        paragraph(normal, text, out);
    }
}

fn head(word: &Word, out: &mut String) {
    let Word {
        charset, release, ..
    } = word;
    out.push_str(
        "<html xmlns:v=\"urn:schemas-microsoft-com:vml\" \
         xmlns:o=\"urn:schemas-microsoft-com:office:office\" \
         xmlns:w=\"urn:schemas-microsoft-com:office:word\" \
         xmlns:m=\"http://schemas.microsoft.com/office/2004/12/omml\" \
         xmlns=\"http://www.w3.org/TR/REC-html40\">\n<head>\n",
    );
    if word.by_exchange {
        out.push_str(&format!(
            "<meta http-equiv=\"Content-Type\" content=\"text/html; charset={charset}\">\n\
             <meta name=\"Generator\" content=\"Microsoft Word {release} (filtered medium)\">\n"
        ));
    } else {
        out.push_str(&format!(
            "<meta http-equiv=Content-Type content=\"text/html; charset={charset}\">\n\
             <meta name=Generator content=\"Microsoft Word {release} (filtered medium)\">\n"
        ));
    }
    let (font, panose, size) = if word.aptos {
        ("Aptos", "", "12.0pt")
    } else {
        ("Calibri", "\n\tpanose-1:2 15 5 2 2 2 4 3 2 4;", "11.0pt")
    };
    let (link, visited) = if word.release < 15 {
        ("blue", "purple")
    } else if word.aptos {
        ("#467886", "#96607D")
    } else {
        ("#0563C1", "#954F72")
    };
    let unit = if word.inches { "0in" } else { "0cm" };
    let (number, kind) = if word.is_new {
        (17, "personal-compose")
    } else {
        (18, "personal-reply")
    };
    let page = if word.inches {
        "size:8.5in 11.0in;\n\tmargin:1.0in 1.0in 1.0in 1.0in;"
    } else {
        "size:612.0pt 792.0pt;\n\tmargin:70.85pt 70.85pt 2.0cm 70.85pt;"
    };
    let section = section(word);
    out.push_str(&format!(
        "<style><!--\n/* Font Definitions */\n@font-face\n\t{{font-family:\"Cambria Math\";\n\
         \tpanose-1:2 4 5 3 5 4 6 3 2 4;}}\n@font-face\n\t{{font-family:{font};{panose}}}\n\
         /* Style Definitions */\np.MsoNormal, li.MsoNormal, div.MsoNormal\n\t{{margin:{unit};\n\
         \tfont-size:{size};\n\tfont-family:\"{font}\",sans-serif;}}\na:link, span.MsoHyperlink\n\
         \t{{mso-style-priority:99;\n\tcolor:{link};\n\ttext-decoration:underline;}}\n\
         a:visited, span.MsoHyperlinkFollowed\n\t{{mso-style-priority:99;\n\tcolor:{visited};\n\
         \ttext-decoration:underline;}}\nspan.EmailStyle{number}\n\t{{mso-style-type:{kind};\n\
         \tfont-family:\"{font}\",sans-serif;\n\tcolor:windowtext;}}\n.MsoChpDefault\n\
         \t{{mso-style-type:export-only;\n\tfont-size:10.0pt;}}\n@page {section}\n\t{{{page}}}\n\
         div.{section}\n\t{{page:{section};}}\n--></style>\
         <!--[if gte mso 9]><xml>\n<o:shapedefaults v:ext=\"edit\" spidmax=\"1026\" />\n\
         </xml><![endif]--><!--[if gte mso 9]><xml>\n<o:shapelayout v:ext=\"edit\">\n\
         <o:idmap v:ext=\"edit\" data=\"1\" />\n</o:shapelayout></xml><![endif]-->\n</head>\n"
    ));
}
