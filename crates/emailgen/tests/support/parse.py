"""Reads messages (one in hexadecimal per line) and prints what Python's parser makes of each."""

import email
import email.policy
import json
import sys


def mailboxes(message, name):
    header = message[name]
    if header is None:
        return []
    return [{"name": a.display_name, "address": a.addr_spec} for a in header.addresses]


def defects(part):
    found = [repr(defect) for defect in part.defects]
    for name, value in part.items():
        for defect in getattr(value, "defects", ()):
            # File names are written as encoded words by all, against RFC 2047 section 5.
            if "encoded word" not in str(defect) and "encoded-word" not in str(defect):
                found.append(f"{name}: {defect!r}")
    if part.is_multipart():
        for inner in part.iter_parts():
            found += defects(inner)
        return found
    raw = part._payload.encode("ascii", "surrogateescape")  # as it came, before any decoding
    transfer = (part["Content-Transfer-Encoding"] or "7bit").lower()
    if transfer in ("7bit", "quoted-printable", "base64") and not raw.isascii():
        found.append(f"{transfer} part holds other than ASCII")
    if part.get_content_maintype() == "text":
        charset = part.get_content_charset() or "us-ascii"
        try:
            part.get_payload(decode=True).decode(charset)
        except UnicodeDecodeError as error:
            found.append(f"not {charset}: {error!r}")
    return found


def describe(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    plain = message.get_body(("plain",))
    html = message.get_body(("html",))
    found = defects(message)
    transfer = (message["Content-Transfer-Encoding"] or "7bit").lower()
    if message.is_multipart() and transfer == "7bit" and "Content-Transfer-Encoding" in message:
        # RFC 2045 section 6.4: what is inside cannot hold more than the whole.
        if not raw.isascii():
            found.append("8-bit data in a 7bit multipart")
    return {
        "headers": message.keys(),
        "from": mailboxes(message, "From"),
        "to": mailboxes(message, "To"),
        "cc": mailboxes(message, "Cc"),
        "subject": str(message["Subject"]),
        "message_id": str(message["Message-ID"]),
        "date": message["Date"].datetime.isoformat(),
        "in_reply_to": message["In-Reply-To"],
        "references": message["References"],
        "flowed": plain.get_param("format") == "flowed",
        "plain": plain.get_content(),
        "html": html and html.get_content(),
        "files": [part.get_payload(decode=True).hex() for part in message.iter_attachments()],
        "defects": found,
    }


for line in sys.stdin:
    try:
        print(json.dumps(describe(bytes.fromhex(line))))
    except Exception as error:  # noqa: BLE001 - reported as a defect of the message
        print(json.dumps({"defects": [f"cannot be read: {error!r}"]}))
