//! What every mail client's messages share: checks, header values, text encodings.
//!
//! These are the rules of the RFCs, without anybody's taste. What a certain client does with them
//! is in [`crate::mail_client`].

pub(crate) mod base64;
pub(crate) mod charset;
pub(crate) mod check;
pub(crate) mod encoded_word;
pub(crate) mod flowed;
pub(crate) mod header;
pub(crate) mod quoted_printable;
