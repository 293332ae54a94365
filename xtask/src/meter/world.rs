//! The world file of the measured world, made from a seed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::calendar::Office;
use super::companies::{
    AddressForm, COMPANIES, Company, Department, HABITS, HOURS, PART_TIME, PARTNERS,
    SPANISH_HABITS, VOICES, WORKDAYS,
};
use super::names::Names;
use super::random::Random;

/// People of a company, besides its contacts elsewhere.
const STAFF: std::ops::Range<u64> = 45..61;
/// Of a hundred people so many sign, work at weekends, part-time, or in another country.
const SIGNING: u64 = 40;
const WEEKEND: u64 = 9;
const PART_TIMERS: u64 = 5;
const ABROAD: u64 = 6;

/// A persona; what it does not say is decnet's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) email: String,
    role: String,
    tone: String,
    tone_custom: Option<String>,
    mannerisms: Vec<String>,
    signature: Option<String>,
    active_hours: String,
    workdays: Option<String>,
    timezone: String,
    reply_latency: String,
    language: Option<String>,
    department: String,
    home: Option<String>,
}

/// A world: what `decnet world apply` reads, and who writes in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct World {
    /// The world file.
    pub(super) toml: String,
    /// The root folders that it names, relative to it.
    pub(super) roots: Vec<String>,
    /// How many people there are.
    pub(super) people: usize,
}

/// The same world for the same seed.
pub(super) fn make(seed: u64) -> World {
    let mut toml = String::from("# Three companies, made to be measured.\n");
    let mut roots = Vec::new();
    let mut people = 0;
    // A contact has one employer and one address, whichever company they deal with.
    let mut contacts = BTreeSet::new();
    for company in COMPANIES {
        let staff = people_of(company, seed, &mut contacts);
        people += staff.len();
        let _ = write!(toml, "\n[[topology]]\nname = {}\n", quoted(company.name));
        for person in &staff {
            write_person(&mut toml, person);
        }
        for decky in company.deckies.iter().chain([&company.contacts.0]) {
            let root = format!("decoys/{decky}");
            let _ = write!(
                toml,
                "\n[[decky]]\nname = {}\ntopology = {}\nservices = [\"imap\"]\n\
                 transport = {{ kind = \"local\", root = {} }}\n",
                quoted(decky),
                quoted(company.name),
                quoted(&root)
            );
            roots.push(root);
        }
    }
    World {
        toml,
        roots,
        people,
    }
}

/// The clocks that mail is written by: a company's own.
pub(super) fn offices() -> Vec<Office> {
    COMPANIES
        .iter()
        .map(|company| Office {
            offset: company.offset,
            weight: 1,
        })
        .collect()
}

fn people_of(company: &Company, seed: u64, contacts: &mut BTreeSet<String>) -> Vec<Person> {
    let mut random = Random::new(seed, company.name);
    let count = random.number(STAFF) as usize;
    let spanish = (count * company.spanish).div_ceil(100);
    let mut taken = BTreeSet::new();
    let mut people: Vec<Person> = (0..count)
        .map(|place| employee(company, place < spanish, &mut random, &mut taken))
        .collect();
    for _ in 0..company.contacts.1 {
        people.push(contact(company, &mut random, contacts));
    }
    people
}

fn employee(
    company: &Company,
    is_spanish: bool,
    random: &mut Random,
    taken: &mut BTreeSet<String>,
) -> Person {
    let names = if is_spanish {
        Names::Spanish
    } else {
        company.names[random.weighted(company.names.iter().map(|(_, weight)| *weight))].0
    };
    let weights = company.departments.iter().map(|of| of.weight);
    let department = &company.departments[random.weighted(weights)];
    let role = *random.choice(department.roles);
    let (name, email) = named(names, company.address, company.domain, random, taken);
    let telephone = format!("{}{:02}", company.telephone, random.number(0..100));
    let timezone = if is_spanish {
        "Europe/Madrid"
    } else if random.chance(ABROAD) {
        random.choice(company.abroad)
    } else {
        company.timezone
    };
    let mut person = Person {
        signature: random
            .chance(SIGNING)
            .then(|| signature(&name, role, company.title, Some(&telephone), random)),
        home: Some((*random.choice(company.deckies)).to_owned()),
        timezone: timezone.to_owned(),
        language: is_spanish.then(|| "es".to_owned()),
        department: department.name.to_owned(),
        role: role.to_owned(),
        name,
        email,
        ..Person::default()
    };
    give_manner(&mut person, department, random);
    give_hours(&mut person, random);
    person
}

/// Somebody of another firm, who writes with the people of this one.
fn contact(company: &Company, random: &mut Random, taken: &mut BTreeSet<String>) -> Person {
    let (domain, title, form, timezone, roles) = random.choice(PARTNERS);
    let names = match *timezone {
        "Europe/Berlin" => Names::German,
        _ => Names::British,
    };
    let role = *random.choice(roles);
    let (name, email) = named(names, *form, domain, random, taken);
    let mut person = Person {
        signature: random
            .chance(SIGNING)
            .then(|| signature(&name, role, title, None, random)),
        home: Some(company.contacts.0.to_owned()),
        timezone: (*timezone).to_owned(),
        department: "Customer relations".to_owned(),
        role: role.to_owned(),
        name,
        email,
        ..Person::default()
    };
    let customer_relations = Department {
        name: "Customer relations",
        tone: "casual",
        weight: 1,
        roles,
    };
    give_manner(&mut person, &customer_relations, random);
    give_hours(&mut person, random);
    person
}

/// A name, and an address that nobody has yet.
fn named(
    names: Names,
    form: AddressForm,
    domain: &str,
    random: &mut Random,
    taken: &mut BTreeSet<String>,
) -> (String, String) {
    let (given_names, family_names) = names.lists();
    loop {
        let (given, family) = (random.choice(given_names), random.choice(family_names));
        let (given_part, family_part) = (ascii(given), ascii(family));
        let initial = given_part.get(..1).unwrap_or_default();
        let local = match form {
            AddressForm::GivenDotFamily => format!("{given_part}.{family_part}"),
            AddressForm::InitialFamily => format!("{initial}{family_part}"),
            AddressForm::InitialDotFamily => format!("{initial}.{family_part}"),
            AddressForm::Given => given_part,
        };
        let email = format!("{local}@{domain}");
        if taken.insert(email.clone()) {
            return (format!("{given} {family}"), email);
        }
    }
}

/// A name in the letters of addresses, as a German or Spanish administrator would spell it.
fn ascii(name: &str) -> String {
    let mut spelled = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        match letter {
            'ä' => spelled.push_str("ae"),
            'ö' => spelled.push_str("oe"),
            'ü' => spelled.push_str("ue"),
            'ß' => spelled.push_str("ss"),
            'á' => spelled.push('a'),
            'é' => spelled.push('e'),
            'í' => spelled.push('i'),
            'ó' => spelled.push('o'),
            'ú' => spelled.push('u'),
            'ñ' => spelled.push('n'),
            'a'..='z' | '-' => spelled.push(letter),
            _ => {}
        }
    }
    spelled
}

fn give_manner(person: &mut Person, department: &Department, random: &mut Random) {
    let tone = match random.number(0..100) {
        0..60 => department.tone,
        60..70 => "formal",
        70..82 => "direct",
        82..94 => "casual",
        _ => "custom",
    };
    person.tone = tone.to_owned();
    if tone == "custom" {
        person.tone_custom = Some((*random.choice(VOICES)).to_owned());
    }
    let habits = match person.language {
        Some(_) => SPANISH_HABITS,
        None => HABITS,
    };
    for _ in 0..random.weighted([30, 45, 25].into_iter()) {
        let habit = (*random.choice(habits)).to_owned();
        if !person.mannerisms.contains(&habit) {
            person.mannerisms.push(habit);
        }
    }
    let latency = ["fast", "normal", "slow"][random.weighted([25, 50, 25].into_iter())];
    person.reply_latency = latency.to_owned();
}

fn give_hours(person: &mut Person, random: &mut Random) {
    let hours = HOURS[random.weighted(HOURS.iter().map(|(_, weight)| *weight))].0;
    person.active_hours = hours.to_owned();
    person.workdays = if random.chance(WEEKEND) {
        Some((*random.choice(WORKDAYS)).to_owned())
    } else if random.chance(PART_TIMERS) {
        Some((*random.choice(PART_TIME)).to_owned())
    } else {
        None
    };
}

/// From a first name to a full card: no company holds its people to one form.
fn signature(
    name: &str,
    role: &str,
    company: &str,
    telephone: Option<&str>,
    random: &mut Random,
) -> String {
    let telephone = telephone.map_or_else(String::new, |number| format!("\nT {number}"));
    match random.number(0..6) {
        0 => name.split(' ').next().unwrap_or(name).to_owned(),
        1 => format!("{name}\n{role}"),
        2 => format!("{name} | {role} | {company}"),
        3 => format!("{name}\n{company}{telephone}"),
        _ => format!("{name}\n{role}\n{company}{telephone}"),
    }
}

fn write_person(toml: &mut String, person: &Person) {
    toml.push_str("\n[[topology.personas]]\n");
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(toml, "{key} = {}", quoted(value));
    };
    line("name", &person.name);
    line("email", &person.email);
    line("role", &person.role);
    line("tone", &person.tone);
    line("active_hours", &person.active_hours);
    line("timezone", &person.timezone);
    line("reply_latency", &person.reply_latency);
    line("department", &person.department);
    for (key, value) in [
        ("tone_custom", &person.tone_custom),
        ("signature", &person.signature),
        ("workdays", &person.workdays),
        ("language", &person.language),
        ("home", &person.home),
    ] {
        if let Some(value) = value {
            line(key, value);
        }
    }
    let habits: Vec<String> = person
        .mannerisms
        .iter()
        .map(|habit| quoted(habit))
        .collect();
    let _ = writeln!(toml, "mannerisms = [{}]", habits.join(", "));
}

/// A string of TOML: JSON's escapes are among its own.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(seed: u64) -> toml::Table {
        make(seed).toml.parse().unwrap()
    }

    fn lists(world: &toml::Table) -> Vec<Vec<toml::Table>> {
        let topologies = world["topology"].as_array().unwrap();
        let personas = |topology: &toml::Value| topology["personas"].as_array().unwrap().clone();
        let table = |value: toml::Value| value.as_table().unwrap().clone();
        topologies
            .iter()
            .map(|topology| personas(topology).into_iter().map(table).collect())
            .collect()
    }

    #[test]
    fn a_seed_makes_one_world() {
        assert_eq!(make(3), make(3));
        assert_ne!(make(3).toml, make(4).toml);
    }

    #[test]
    fn every_address_is_one_persons() {
        for seed in 0..20 {
            let world = parsed(seed);
            let addresses: Vec<String> = lists(&world)
                .concat()
                .iter()
                .map(|person| person["email"].as_str().unwrap().to_owned())
                .collect();
            let unique: BTreeSet<&String> = addresses.iter().collect();
            assert_eq!(unique.len(), addresses.len());
            assert_eq!(addresses.len(), make(seed).people);
            for address in addresses {
                assert!(
                    address.is_ascii() && address.ends_with(".test"),
                    "{address}"
                );
            }
        }
    }

    #[test]
    fn companies_have_their_size_and_their_contacts() {
        for seed in 0..20 {
            let world = parsed(seed);
            let mut contacts = 0;
            for (company, people) in COMPANIES.iter().zip(lists(&world)) {
                let own = format!("@{}", company.domain);
                let is_own =
                    |person: &&toml::Table| person["email"].as_str().unwrap().ends_with(&own);
                let staff = people.iter().filter(is_own).count();
                assert!((45..=60).contains(&staff), "{staff}");
                contacts += people.len() - staff;
            }
            assert!((30..=45).contains(&contacts), "{contacts}");
        }
    }

    #[test]
    fn homes_are_deckies_of_the_same_topology() {
        let world = parsed(1);
        let deckies = world["decky"].as_array().unwrap();
        for (company, people) in COMPANIES.iter().zip(lists(&world)) {
            for person in people {
                let decky = deckies.iter().find(|decky| decky["name"] == person["home"]);
                assert_eq!(decky.unwrap()["topology"].as_str(), Some(company.name));
            }
        }
        assert_eq!(make(1).roots.len(), deckies.len());
    }

    #[test]
    fn people_are_of_many_kinds() {
        let people: Vec<toml::Table> = (0..10)
            .flat_map(|seed| lists(&parsed(seed)).concat())
            .collect();
        let share = |holds: &dyn Fn(&toml::Table) -> bool| {
            people.iter().filter(|person| holds(person)).count() as f64 / people.len() as f64
        };
        let signing = share(&|person| person.contains_key("signature"));
        assert!((0.35..0.45).contains(&signing), "{signing}");
        let spanish = share(&|person| person.contains_key("language"));
        assert!((0.03..0.07).contains(&spanish), "{spanish}");
        for zone in [
            "Europe/London",
            "Europe/Madrid",
            "Europe/Berlin",
            "America/New_York",
        ] {
            assert!(
                share(&|person| person["timezone"].as_str() == Some(zone)) > 0.02,
                "{zone}"
            );
        }
        for tone in ["formal", "direct", "casual", "technical", "custom"] {
            let is_tone = |person: &toml::Table| person["tone"].as_str() == Some(tone);
            assert!(share(&is_tone) > 0.02, "{tone}");
            let has_words = |person: &toml::Table| person.contains_key("tone_custom");
            assert!(
                people
                    .iter()
                    .all(|person| is_tone(person) == has_words(person) || tone != "custom")
            );
        }
    }

    #[test]
    fn addresses_are_spelled_in_ascii() {
        for (name, expected) in [
            ("Jürgen", "juergen"),
            ("O'Neill", "oneill"),
            ("de Vries", "devries"),
            ("Íñigo", "inigo"),
            ("Wójcik", "wojcik"),
            ("Jean-Luc", "jean-luc"),
        ] {
            assert_eq!(ascii(name), expected);
        }
    }
}
