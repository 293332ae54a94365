use super::*;
use crate::message::Installation;
use rand::SeedableRng;
use std::collections::HashSet;

const KINDS: [AttachmentKind; 4] = [
    AttachmentKind::Pdf,
    AttachmentKind::Csv,
    AttachmentKind::Image,
    AttachmentKind::Calendar,
];

const PRODUCERS: [Producer; 5] = [
    Producer::Word,
    Producer::Excel,
    Producer::LibreOffice,
    Producer::MacQuartz,
    Producer::GoogleDocs,
];

fn request() -> AttachmentRequest<'static> {
    AttachmentRequest {
        topic: "move to the new office",
        language: "en",
        author_name: "Ana Ruiz",
        author_address: "ana@corp.example",
        recipients: &[("Ben Cole", "ben@corp.example")],
        date: DateTime::parse_from_rfc3339("2026-03-06T11:22:33+01:00").expect("a date"),
        time_zone: "Europe/Madrid",
        producer: Producer::Word,
        installation: Installation::default(),
    }
}

fn make(kind: AttachmentKind, request: &AttachmentRequest<'_>, seed: u64) -> Attachment {
    attach(kind, request, &mut ChaCha8Rng::seed_from_u64(seed))
}

#[test]
fn the_same_draw_gives_the_same_file_and_another_one_does_not() {
    for kind in KINDS {
        let all: HashSet<Vec<u8>> = (0..12)
            .map(|seed| make(kind, &request(), seed).bytes)
            .collect();
        assert_eq!(all.len(), 12, "{kind:?}");
        assert_eq!(make(kind, &request(), 3), make(kind, &request(), 3));
    }
}

#[test]
fn sizes_stay_within_bounds() {
    for seed in 0..6 {
        for producer in PRODUCERS {
            for kind in KINDS {
                let request = AttachmentRequest {
                    producer,
                    ..request()
                };
                let length = make(kind, &request, seed).bytes.len();
                let (least, most) = match kind {
                    AttachmentKind::Pdf => (15_000, 180_000),
                    AttachmentKind::Csv => (500, 40_000),
                    AttachmentKind::Image => (5_000, 120_000),
                    AttachmentKind::Calendar => (1_000, 16_000),
                };
                assert!(
                    (least..=most).contains(&length),
                    "{kind:?} {producer:?} {seed}: {length}"
                );
            }
        }
    }
}

#[test]
fn every_kind_is_drawn() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let drawn: HashSet<AttachmentKind> = (0..200).map(|_| draw_kind(&mut rng)).collect();
    assert_eq!(drawn.len(), KINDS.len());
}
