//! Which mail programs somebody has.

use decnet_realism::persona::Persona;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ALL, MailClient, by_name};
use crate::ledger::MailPrograms;
use crate::random::{DeploymentSecret, Kind};

/// Share of people who write from a phone too: 14 to 30 % of senders with five and more mails use
/// two mail programs.
const HAS_PHONE: f64 = 0.22;

/// Share of the mails of such a person that come from the phone: one program covers 95 to 98 % of
/// the mail of all senders taken together.
const FROM_PHONE: f64 = 0.1;

/// Mail programs at the desk with their shares, in mails of two mailing lists (10,229 and 8,000
/// mails of 2019 to 2026); those that only people who know computers use are in [`FOR_EXPERTS`].
const AT_THE_DESK: &[(&str, u32)] = &[
    ("gmail", 4858),
    ("outlook-exchange", 3464),
    ("thunderbird", 4644),
    ("outlook", 139),
    ("apple-mail", 118),
    ("iphone", 156),
    ("iphone-exchange", 55),
    ("roundcube", 54),
];

/// More for those who know computers.
const FOR_EXPERTS: &[(&str, u32)] = &[("evolution", 1305), ("mutt", 1900)];

/// On the phone, by what there is at the desk.
const ON_THE_PHONE: &[(&str, u32)] = &[("iphone", 456), ("k9", 41)];

/// Words of roles and departments whose people know computers.
const EXPERT_WORDS: &[&str] = &[
    "admin",
    "engineer",
    "developer",
    "devops",
    "sysadmin",
    "systems",
    "software",
    "network",
    "security",
    "infrastructure",
    "ingenier",
    "sistemas",
    "desarrollador",
    "informátic",
    "redes",
    "entwickler",
    "ingenieur",
    "informatik",
    "technik",
    "développeur",
    "ingénieur",
];

/// What a person writes their mail with: what the operator says, else drawn from the deployment's
/// secret.
pub fn mail_programs(persona: &Persona, secret: &DeploymentSecret) -> MailPrograms {
    let address = persona.email.as_str();
    let mut rng = ChaCha8Rng::seed_from_u64(secret.number(Kind::Person, address) ^ 1);
    let drawn = draw_desk(is_expert(persona), &mut rng);
    let has_phone = rng.random::<f64>() < HAS_PHONE;
    let phone = draw(ON_THE_PHONE, &mut rng);
    let set = persona.mail_client.as_deref().and_then(by_name);
    let desk = set.map_or(drawn, MailClient::name);
    let phone = match desk {
        // A phone is all that they have.
        "iphone" | "iphone-exchange" | "k9" | "outlook-mobile" => None,
        "outlook-exchange" if rng.random::<f64>() < 0.4 => Some("outlook-mobile"),
        "outlook-exchange" => Some("iphone-exchange"),
        _ => phone,
    };
    MailPrograms {
        desk: desk.to_owned(),
        phone: phone.filter(|_| has_phone).map(str::to_owned),
    }
}

/// Which of their programs somebody writes a mail with. A program that is not known, such as one
/// of a newer decnet, gives way to the most used one.
pub fn mail_client_of(programs: &MailPrograms, rng: &mut impl Rng) -> &'static dyn MailClient {
    let from_phone = rng.random::<f64>() < FROM_PHONE;
    let name = match &programs.phone {
        Some(phone) if from_phone => phone,
        _ => &programs.desk,
    };
    known(name)
}

/// The client of that name, or the most used one.
pub fn known(name: &str) -> &'static dyn MailClient {
    by_name(name).unwrap_or(ALL[0])
}

fn is_expert(persona: &Persona) -> bool {
    let role = persona.role.to_lowercase();
    let department = persona.department.as_deref().unwrap_or_default();
    let department = department.to_lowercase();
    department == "it"
        || EXPERT_WORDS
            .iter()
            .any(|word| role.contains(word) || department.contains(word))
}

fn draw_desk(is_expert: bool, rng: &mut impl Rng) -> &'static str {
    let mut programs = AT_THE_DESK.to_vec();
    if is_expert {
        programs.extend_from_slice(FOR_EXPERTS);
    }
    draw(&programs, rng).unwrap_or("thunderbird")
}

/// One of the programs by their shares, of those that there are.
fn draw(programs: &[(&'static str, u32)], rng: &mut impl Rng) -> Option<&'static str> {
    let known = || programs.iter().filter(|(name, _)| by_name(name).is_some());
    let total: u32 = known().map(|(_, share)| share).sum();
    if total == 0 {
        return None;
    }
    let mut lot = rng.random_range(0..total);
    for (name, share) in known() {
        if lot < *share {
            return Some(name);
        }
        lot -= share;
    }
    None
}

#[cfg(test)]
mod tests {
    use decnet_realism::persona::parse_personas_text;

    use super::*;

    fn persona(number: usize, role: &str) -> Persona {
        let text = format!(
            r#"[{{"name": "P {number}", "email": "p{number}@corp.example", "role": "{role}"}}]"#
        );
        parse_personas_text(&text, "en").personas.remove(0)
    }

    #[test]
    fn shares_are_kept_and_a_person_keeps_theirs() {
        let secret = DeploymentSecret::new([3; 32]);
        let people: Vec<MailPrograms> = (0..2_000)
            .map(|number| mail_programs(&persona(number, "Accountant"), &secret))
            .collect();
        let share = |name: &str| {
            people.iter().filter(|p| p.desk == name).count() as f64 / people.len() as f64
        };
        assert!((0.28..0.50).contains(&share("gmail")), "{}", share("gmail"));
        assert!((0.28..0.60).contains(&share("thunderbird")));
        assert!(
            people
                .iter()
                .all(|p| p.desk != "mutt" && p.desk != "evolution")
        );
        assert_eq!(mail_programs(&persona(7, "Accountant"), &secret), people[7]);
        let other = DeploymentSecret::new([4; 32]);
        let differs = (0..100)
            .filter(|&number| {
                mail_programs(&persona(number, "Accountant"), &other) != people[number]
            })
            .count();
        assert!(differs > 30, "{differs}");
    }

    #[test]
    fn what_the_operator_says_is_kept() {
        let secret = DeploymentSecret::new([3; 32]);
        let mut who = persona(1, "CFO");
        for (said, kept) in [("thunderbird", true), ("gmail", true), ("pine", false)] {
            who.mail_client = Some(said.to_owned());
            assert_eq!(mail_programs(&who, &secret).desk == said, kept, "{said}");
        }
    }
}
