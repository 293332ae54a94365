"""Reads messages (one in hexadecimal per line) and prints what Python's parser makes of each."""

import email
import email.policy
import json
import sys


def mailbox(message, name):
    header = message[name]
    if header is None or len(header.addresses) != 1:
        return None
    (address,) = header.addresses
    return {"name": address.display_name, "address": address.addr_spec}


def defects(part):
    found = [repr(defect) for defect in part.defects]
    for name, value in part.items():
        found += [f"{name}: {defect!r}" for defect in getattr(value, "defects", ())]
    if part.is_multipart():
        for inner in part.iter_parts():
            found += defects(inner)
    return found


def describe(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    plain = message.get_body(("plain",))
    html = message.get_body(("html",))
    return {
        "headers": message.keys(),
        "from": mailbox(message, "From"),
        "to": mailbox(message, "To"),
        "subject": str(message["Subject"]),
        "message_id": str(message["Message-ID"]),
        "date": message["Date"].datetime.isoformat(),
        "in_reply_to": message["In-Reply-To"],
        "references": message["References"],
        "flowed": plain.get_param("format") == "flowed",
        "charset": plain.get_content_charset(),
        "plain": plain.get_content(),
        "html": html and html.get_content(),
        "defects": defects(message),
    }


for line in sys.stdin:
    try:
        print(json.dumps(describe(bytes.fromhex(line))))
    except Exception as error:  # noqa: BLE001 - reported as a defect of the message
        print(json.dumps({"defects": [f"cannot be read: {error!r}"]}))
