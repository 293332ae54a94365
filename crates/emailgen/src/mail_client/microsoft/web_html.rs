//! HTML of Outlook on the web, of the new Outlook and of Outlook on phones.

use super::{Body, History};
use crate::mail_client::html::{escape, with_spaces};
use crate::mime::flowed::Line;

/// What differs from one release, person or message to another.
#[derive(Clone, Copy, Debug)]
pub(in crate::mail_client) struct Web {
    /// Name of the character set.
    pub(in crate::mail_client) charset: &'static str,
    /// Whether paragraphs carry the class that came in 2021.
    pub(in crate::mail_client) element_to_proof: bool,
    /// Whether the default font is the one of 2023.
    pub(in crate::mail_client) aptos: bool,
    /// Whether the mark for what follows the answer is there.
    pub(in crate::mail_client) append_on_send: bool,
    /// Whether the history was HTML of Word, whose classes are renamed.
    pub(in crate::mail_client) renames_classes: bool,
    /// Whether it is a phone.
    pub(in crate::mail_client) is_phone: bool,
}

/// The whole document.
pub(in crate::mail_client) fn render(body: &Body<'_>, web: &Web) -> String {
    let mut out = String::with_capacity(4 * 1024);
    out.push_str(&format!(
        "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset={}\">\n",
        web.charset
    ));
    if web.is_phone {
        out.push_str("</head>\n<body>\n");
    } else {
        out.push_str(
            "<style type=\"text/css\" style=\"display:none;\"> P {margin-top:0;margin-bottom:0;} \
             </style>\n</head>\n<body dir=\"ltr\">\n",
        );
    }
    let open = opening(web);
    for line in body.text.split('\n') {
        block(&open, line, &mut out);
    }
    if !body.signature.is_empty() {
        block(&open, "", &mut out);
        out.push_str(if web.is_phone {
            "<div id=\"ms-outlook-mobile-signature\" dir=\"auto\">\n"
        } else {
            "<div id=\"Signature\">\n"
        });
        for line in body.signature.split('\n') {
            block(&open, line, &mut out);
        }
        out.push_str("</div>\n");
    }
    if let Some(footer) = body.footer {
        out.push_str("<div id=\"ms-outlook-mobile-signature\" dir=\"auto\">\n<div><br>\n</div>\n");
        escape(footer.before, false, &mut out);
        out.push_str(&format!("<a href=\"{}\">", footer.address));
        escape(footer.link, false, &mut out);
        out.push_str("</a>");
        escape(footer.after, false, &mut out);
        out.push_str("</div>\n");
    }
    if let Some(history) = &body.history {
        quoted(history, web, &mut out);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn opening(web: &Web) -> String {
    if web.is_phone {
        return "<div dir=\"auto\" style=\"color: rgb(33, 33, 33); \
                background-color: rgb(255, 255, 255);\">\n"
            .to_owned();
    }
    let fonts = if web.aptos {
        "Aptos, Aptos_EmbeddedFont, Aptos_MSFontService, Calibri, Helvetica, sans-serif"
    } else {
        "Calibri, Arial, Helvetica, sans-serif"
    };
    let class = if web.element_to_proof {
        "class=\"elementToProof\" "
    } else {
        ""
    };
    format!("<div {class}style=\"font-family: {fonts}; font-size: 12pt; color: rgb(0, 0, 0);\">\n")
}

fn block(open: &str, line: &str, out: &mut String) {
    out.push_str(open);
    if line.is_empty() {
        out.push_str("<br>\n");
    } else {
        with_spaces(line, out);
    }
    out.push_str("</div>\n");
}

fn quoted(history: &History<'_>, web: &Web, out: &mut String) {
    if web.append_on_send {
        out.push_str("<div id=\"appendonsend\"></div>\n");
    }
    out.push_str(
        "<hr style=\"display:inline-block;width:98%\" tabindex=\"-1\">\n\
         <div id=\"divRplyFwdMsg\" dir=\"ltr\"><font face=\"Calibri, sans-serif\" \
         style=\"font-size:11pt\" color=\"#000000\">",
    );
    for (index, (label, value)) in history.block.iter().enumerate() {
        if index > 0 {
            out.push_str("<br>\n");
        }
        out.push_str("<b>");
        escape(label, false, out);
        out.push_str(":</b> ");
        with_spaces(value, out);
    }
    out.push_str("</font>\n<div>&nbsp;</div>\n</div>\n");
    if web.renames_classes {
        out.push_str("<div>\n<div class=\"x_WordSection1\">\n");
        for Line { text, .. } in &history.lines {
            out.push_str("<p class=\"x_MsoNormal\">");
            if text.is_empty() {
                out.push_str("&nbsp;");
            } else {
                with_spaces(text, out);
            }
            out.push_str("</p>\n");
        }
        out.push_str("</div>\n</div>\n");
    } else {
        out.push_str(
            "<div class=\"BodyFragment\"><font size=\"2\"><span style=\"font-size:11pt;\">\n\
             <div class=\"PlainText\">",
        );
        for Line { text, .. } in &history.lines {
            with_spaces(text, out);
            out.push_str("<br>\n");
        }
        out.push_str("</div>\n</span></font></div>\n");
    }
}
