//! The three companies of the measured world: departments, habits and hours of their people.

use super::names::Names;

/// A company: one topology.
pub(super) struct Company {
    /// Name of the topology.
    pub(super) name: &'static str,
    /// What signatures call it.
    pub(super) title: &'static str,
    pub(super) domain: &'static str,
    pub(super) address: AddressForm,
    pub(super) timezone: &'static str,
    /// Seconds east of UTC in summer.
    pub(super) offset: i64,
    /// Start of its telephone numbers, two digits short; all of them are kept free for fiction.
    pub(super) telephone: &'static str,
    /// Where some of its people work instead.
    pub(super) abroad: &'static [&'static str],
    /// Of a hundred people so many write Spanish, from Madrid.
    pub(super) spanish: usize,
    pub(super) departments: &'static [Department],
    pub(super) names: &'static [(Names, u64)],
    /// Hosts of its mailboxes.
    pub(super) deckies: &'static [&'static str],
    /// Host of its contacts' mailboxes, and how many there are.
    pub(super) contacts: (&'static str, usize),
}

/// How a company makes addresses.
#[derive(Clone, Copy)]
pub(super) enum AddressForm {
    /// `laura.bennett`
    GivenDotFamily,
    /// `lbennett`
    InitialFamily,
    /// `l.bennett`
    InitialDotFamily,
    /// `laura`, of small firms
    Given,
}

/// A department, how its people mostly write, and its jobs.
pub(super) struct Department {
    pub(super) name: &'static str,
    pub(super) tone: &'static str,
    /// Its size, in any unit.
    pub(super) weight: u64,
    pub(super) roles: &'static [&'static str],
}

const fn department(
    name: &'static str,
    tone: &'static str,
    weight: u64,
    roles: &'static [&'static str],
) -> Department {
    Department {
        name,
        tone,
        weight,
        roles,
    }
}

pub(super) const COMPANIES: &[Company] = &[
    Company {
        name: "northgate",
        title: "Northgate Tools",
        domain: "norgate.test",
        address: AddressForm::GivenDotFamily,
        timezone: "Europe/London",
        offset: 3_600,
        telephone: "+44 20 7946 09",
        abroad: &["Europe/Berlin", "America/New_York", "Europe/Madrid"],
        spanish: 0,
        departments: &[
            department(
                "Production",
                "direct",
                9,
                &[
                    "Production Planner",
                    "Shift Supervisor",
                    "Tooling Engineer",
                    "Head of Production",
                ],
            ),
            department(
                "Logistics",
                "casual",
                7,
                &[
                    "Warehouse Supervisor",
                    "Dispatch Coordinator",
                    "Freight Planner",
                    "Stock Controller",
                ],
            ),
            department(
                "Sales",
                "casual",
                9,
                &[
                    "Account Manager",
                    "Area Sales Manager",
                    "Sales Support",
                    "Export Sales Executive",
                ],
            ),
            department(
                "Finance",
                "formal",
                5,
                &[
                    "Management Accountant",
                    "Credit Controller",
                    "Accounts Payable Clerk",
                    "Finance Manager",
                ],
            ),
            department(
                "IT",
                "technical",
                4,
                &[
                    "Systems Administrator",
                    "Service Desk Analyst",
                    "Network Engineer",
                    "Application Support",
                ],
            ),
            department(
                "Quality",
                "technical",
                4,
                &[
                    "Quality Engineer",
                    "Metrology Technician",
                    "Quality Manager",
                ],
            ),
            department(
                "Purchasing",
                "direct",
                4,
                &["Buyer", "Senior Buyer", "Supplier Quality Engineer"],
            ),
            department(
                "HR",
                "formal",
                3,
                &["HR Business Partner", "Payroll Administrator", "Recruiter"],
            ),
            department(
                "Marketing",
                "casual",
                3,
                &[
                    "Marketing Manager",
                    "Catalogue Editor",
                    "Trade Fair Coordinator",
                ],
            ),
            department(
                "Management",
                "direct",
                2,
                &[
                    "Operations Director",
                    "Managing Director",
                    "Executive Assistant",
                ],
            ),
        ],
        names: &[
            (Names::British, 80),
            (Names::Mixed, 14),
            (Names::German, 3),
            (Names::Spanish, 3),
        ],
        deckies: &["ng-mail1", "ng-mail2"],
        contacts: ("mx-brightline", 14),
    },
    Company {
        name: "halden",
        title: "Halden + Brandt Ingenieure",
        domain: "hbing.test",
        address: AddressForm::InitialDotFamily,
        timezone: "Europe/Berlin",
        offset: 2 * 3_600,
        telephone: "+49 30 23125 0",
        abroad: &["Europe/London", "America/New_York"],
        spanish: 15,
        departments: &[
            department(
                "Structures",
                "technical",
                12,
                &[
                    "Structural Engineer",
                    "Senior Structural Engineer",
                    "Bridge Engineer",
                    "CAD Technician",
                ],
            ),
            department(
                "Geotechnics",
                "technical",
                7,
                &[
                    "Geotechnical Engineer",
                    "Site Investigation Lead",
                    "Laboratory Technician",
                ],
            ),
            department(
                "Water",
                "technical",
                6,
                &[
                    "Hydraulic Engineer",
                    "Drainage Designer",
                    "Project Engineer",
                ],
            ),
            department(
                "Project Management",
                "direct",
                9,
                &[
                    "Project Manager",
                    "Project Controller",
                    "Planning Engineer",
                    "Tender Manager",
                ],
            ),
            department(
                "Site Supervision",
                "casual",
                6,
                &["Resident Engineer", "Site Supervisor", "Safety Coordinator"],
            ),
            department(
                "Finance",
                "formal",
                4,
                &["Accountant", "Project Accountant", "Head of Finance"],
            ),
            department(
                "IT",
                "technical",
                3,
                &["IT Administrator", "BIM Manager", "GIS Specialist"],
            ),
            department(
                "Office",
                "casual",
                4,
                &["Office Manager", "Team Assistant", "Receptionist"],
            ),
            department("People", "formal", 2, &["HR Manager", "Recruiter"]),
        ],
        names: &[
            (Names::German, 62),
            (Names::Mixed, 20),
            (Names::British, 18),
        ],
        deckies: &["post", "post2"],
        contacts: ("relay-west", 12),
    },
    Company {
        name: "whitcomb",
        title: "Whitcomb Lane LLP",
        domain: "whitlane.test",
        address: AddressForm::InitialFamily,
        timezone: "America/New_York",
        offset: -4 * 3_600,
        telephone: "+1 212 555 01",
        abroad: &["Europe/London", "Europe/Madrid"],
        spanish: 0,
        departments: &[
            department(
                "Audit",
                "formal",
                9,
                &[
                    "Audit Senior",
                    "Audit Manager",
                    "Audit Associate",
                    "Partner",
                ],
            ),
            department(
                "Tax",
                "formal",
                9,
                &[
                    "Tax Manager",
                    "Tax Associate",
                    "Senior Tax Adviser",
                    "Partner",
                ],
            ),
            department(
                "Corporate Law",
                "formal",
                9,
                &["Associate", "Senior Associate", "Paralegal", "Partner"],
            ),
            department(
                "Litigation",
                "direct",
                6,
                &["Associate", "Paralegal", "Litigation Support Specialist"],
            ),
            department(
                "Bookkeeping",
                "direct",
                6,
                &["Bookkeeper", "Payroll Specialist", "Client Accountant"],
            ),
            department(
                "Client Services",
                "casual",
                4,
                &[
                    "Client Services Coordinator",
                    "Receptionist",
                    "Intake Specialist",
                ],
            ),
            department(
                "IT",
                "technical",
                3,
                &[
                    "Systems Administrator",
                    "Help Desk Technician",
                    "Information Security Analyst",
                ],
            ),
            department(
                "Records",
                "casual",
                3,
                &["Records Manager", "Docket Clerk", "Librarian"],
            ),
            department(
                "Administration",
                "casual",
                4,
                &[
                    "Office Manager",
                    "Legal Assistant",
                    "Executive Assistant",
                    "HR Generalist",
                ],
            ),
        ],
        names: &[
            (Names::British, 70),
            (Names::Mixed, 20),
            (Names::Spanish, 10),
        ],
        deckies: &["wl-imap-01", "wl-imap-02"],
        contacts: ("mx-contacts", 12),
    },
];

/// Firms that the companies deal with: domain, title, how they make addresses, time zone, jobs.
pub(super) const PARTNERS: &[(&str, &str, AddressForm, &str, &[&str])] = &[
    (
        "briteprint.test",
        "Brightline Print",
        AddressForm::Given,
        "Europe/London",
        &["Account Director", "Print Buyer", "Designer"],
    ),
    (
        "ostlog.test",
        "Ostermann Logistik",
        AddressForm::InitialDotFamily,
        "Europe/Berlin",
        &["Key Account Manager", "Dispatcher", "Customs Clerk"],
    ),
    (
        "calder.test",
        "Calder Insurance Brokers",
        AddressForm::GivenDotFamily,
        "Europe/London",
        &["Claims Handler", "Broker"],
    ),
    (
        "rvs.test",
        "RVS Facilities",
        AddressForm::InitialFamily,
        "America/New_York",
        &["Facilities Coordinator", "Contracts Manager"],
    ),
    (
        "marlowe-hughes.test",
        "Marlowe Hughes",
        AddressForm::GivenDotFamily,
        "Europe/London",
        &["Solicitor", "Conveyancer"],
    ),
    (
        "kestrelpackaging.test",
        "Kestrel Packaging",
        AddressForm::InitialDotFamily,
        "Europe/London",
        &["Sales Manager", "Order Desk"],
    ),
    (
        "vogt-partner.test",
        "Vogt und Partner",
        AddressForm::GivenDotFamily,
        "Europe/Berlin",
        &["Steuerberater", "Prüfer"],
    ),
    (
        "hafentechnik-nord.test",
        "Hafentechnik Nord",
        AddressForm::InitialFamily,
        "Europe/Berlin",
        &["Projektleiter", "Vertrieb"],
    ),
    (
        "lindqvistandsons.test",
        "Lindqvist and Sons",
        AddressForm::GivenDotFamily,
        "America/New_York",
        &["Estimator", "Site Manager"],
    ),
    (
        "bluefinchmedia.test",
        "Bluefinch Media",
        AddressForm::Given,
        "America/New_York",
        &["Copywriter", "Account Manager"],
    ),
    (
        "mail.uni-rehfeld.test",
        "Universität Rehfeld",
        AddressForm::GivenDotFamily,
        "Europe/Berlin",
        &["Wissenschaftlicher Mitarbeiter", "Dozent"],
    ),
    (
        "eec.test",
        "Eastern Electric",
        AddressForm::InitialFamily,
        "Europe/London",
        &["Field Engineer", "Key Accounts"],
    ),
    (
        "tollgatefreight.test",
        "Tollgate Freight",
        AddressForm::InitialDotFamily,
        "Europe/London",
        &["Dispatcher", "Claims Clerk"],
    ),
    (
        "cs.stanmoor.test",
        "Stanmoor College",
        AddressForm::InitialFamily,
        "America/New_York",
        &["Lecturer", "Lab Manager"],
    ),
    (
        "orchardsystems.test",
        "Orchard Systems",
        AddressForm::GivenDotFamily,
        "America/New_York",
        &["Software Engineer", "Support Engineer"],
    ),
    (
        "kbw-metall.test",
        "KBW Metall",
        AddressForm::InitialDotFamily,
        "Europe/Berlin",
        &["Einkauf", "Qualitätsmanagement"],
    ),
    (
        "thornburydistrict.test",
        "Thornbury District Council",
        AddressForm::GivenDotFamily,
        "Europe/London",
        &["Licensing Officer", "Planning Officer"],
    ),
    (
        "zenithsurvey.test",
        "Zenith Survey",
        AddressForm::Given,
        "Europe/London",
        &["Surveyor"],
    ),
    (
        "ravensbourne-consulting.test",
        "Ravensbourne Consulting",
        AddressForm::GivenDotFamily,
        "America/New_York",
        &["Consultant", "Analyst"],
    ),
    (
        "fmg.test",
        "FMG Leasing",
        AddressForm::InitialFamily,
        "America/New_York",
        &["Credit Analyst", "Lease Manager"],
    ),
    (
        "drehmoment.test",
        "Drehmoment Werkzeugbau",
        AddressForm::GivenDotFamily,
        "Europe/Berlin",
        &["Konstrukteur", "Werkstattleiter"],
    ),
    (
        "northfieldclinic.test",
        "Northfield Clinic",
        AddressForm::InitialDotFamily,
        "Europe/London",
        &["Practice Manager"],
    ),
    (
        "pinecrestrealty.test",
        "Pinecrest Realty",
        AddressForm::Given,
        "America/New_York",
        &["Property Manager", "Leasing Agent"],
    ),
    (
        "aldenmoore.test",
        "Alden Moore Recruitment",
        AddressForm::GivenDotFamily,
        "Europe/London",
        &["Recruiter", "Resourcer"],
    ),
];

/// What people do in every mail; the writers understand all of it.
pub(super) const HABITS: &[&str] = &[
    "uses bullet lists",
    "never writes lists",
    "always says hello",
    "never uses greetings",
    "never signs off",
    "signs off with Kind regards",
    "signs off with Thanks",
    "signs off with Best wishes",
    "signs off with Cheers",
    "always asks a question",
    "uses exclamation marks",
    "never uses exclamation marks",
    "writes in lower case",
    "short sentences",
    "rambles",
    "trailing dots",
    "makes typos",
    "often says no worries",
    "says \"at the end of the day\"",
    "says \"to be fair\"",
    "mentions coffee",
    "mentions the weather",
    "mentions the parking",
    "asks for a date",
    "mentions the train",
];
/// The same for those who write Spanish.
pub(super) const SPANISH_HABITS: &[&str] = &[
    "usa listas",
    "nunca saluda",
    "no se despide",
    "firma con Saludos",
    "firma con Un abrazo",
    "siempre pregunta",
    "frases cortas",
    "puntos suspensivos",
    "habla de fútbol",
    "suele decir vamos viendo",
];
/// Voices that no tone of the list describes.
pub(super) const VOICES: &[&str] = &[
    "friendly and chatty",
    "polite, a little old-fashioned",
    "terse, hardly a spare word",
    "precise, as an engineer writes a report",
    "warm, asks how people are",
];
/// Working hours and how often they are kept: office hours, early birds, late workers, a half day,
/// and the few who write at night.
pub(super) const HOURS: &[(&str, u64)] = &[
    ("08:00-17:00", 14),
    ("08:30-17:30", 20),
    ("09:00-18:00", 24),
    ("09:30-18:30", 10),
    ("08:00-16:30", 8),
    ("06:30-15:00", 5),
    ("07:00-15:30", 6),
    ("10:30-20:00", 5),
    ("12:00-21:00", 3),
    ("15:00-23:30", 2),
    ("19:00-03:00", 2),
    ("09:00-14:00", 5),
];
/// Working days of those who do not keep Monday to Friday.
pub(super) const WORKDAYS: &[&str] = &["mon-sat", "sun-thu", "tue-sat", "daily", "daily"];
/// Working days of part-timers.
pub(super) const PART_TIME: &[&str] = &["mon-thu", "tue-fri", "mon,tue,thu", "mon,wed,fri"];
