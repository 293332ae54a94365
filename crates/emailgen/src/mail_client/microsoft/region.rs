//! Where Exchange Online keeps mailboxes.

use crate::mail_client::Sender;
use crate::mail_client::random_text::constant;

/// A region of Microsoft's data centres.
pub(super) struct Region {
    /// First letters of servers: where they stand.
    sites: &'static [&'static str],
    /// What follows in a server's name; `PR` is followed by the number of a forest.
    mark: &'static str,
    /// What the domain starts with; the number of the forest follows.
    label: &'static str,
    forests: &'static [u8],
    /// The rest of the domain, in capitals for the regions that came late.
    domain: &'static str,
}

const LOWER: &str = "prod.outlook.com";
const UPPER: &str = "PROD.OUTLOOK.COM";
const NORTH_AMERICA: Region = Region {
    sites: &[
        "BL0", "BL1", "BN6", "BN8", "BN9", "BY5", "CH0", "CH2", "CO1", "CY4", "DM4", "DM5", "DM6",
        "DM8", "MN0", "MN2", "MW2", "MW3", "MW4", "PH0", "PH7", "SA0", "SA1", "SJ0", "SJ1", "SN6",
    ],
    mark: "PR",
    label: "namprd",
    forests: &[
        2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
    ],
    domain: LOWER,
};
const EUROPE: Region = Region {
    sites: &[
        "AM0", "AM4", "AM5", "AM6", "AM7", "AM8", "AM9", "AS1", "AS4", "AS8", "DB6", "DB7", "DB8",
        "DB9", "DU0", "DU2", "GV1", "GV2", "HE1", "PA4", "PAX", "VE1", "VI1",
    ],
    mark: "PR",
    label: "eurprd",
    forests: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    domain: LOWER,
};
const ASIA: Region = Region {
    sites: &[
        "HK0", "KL1", "PS1", "PS2", "SG2", "SI2", "TY0", "TYZ", "SEY",
    ],
    mark: "PR",
    label: "apcprd",
    forests: &[1, 2, 3, 4, 6],
    domain: LOWER,
};
const AUSTRALIA: Region = Region {
    sites: &["ME1", "ME3", "SY3", "SY4"],
    mark: "PR",
    label: "ausprd",
    forests: &[1],
    domain: LOWER,
};
const JAPAN: Region = Region {
    sites: &["OS0", "OS3", "TY1", "TY2", "TYC"],
    mark: "PR",
    label: "jpnprd",
    forests: &[1],
    domain: LOWER,
};
const CANADA: Region = Region {
    sites: &["YQ1", "YT1", "YT2", "YT3"],
    mark: "PR",
    label: "CANPRD",
    forests: &[1],
    domain: UPPER,
};
const INDIA: Region = Region {
    sites: &["BM1", "MA0", "MA1", "PN2", "PN3"],
    mark: "PR",
    label: "INDPRD",
    forests: &[1],
    domain: UPPER,
};
const BRITAIN: Region = Region {
    sites: &["CW1", "LO0", "LO2", "LO3", "LO4"],
    mark: "P265",
    label: "GBRP265",
    forests: &[],
    domain: UPPER,
};
const GERMANY: Region = Region {
    sites: &["BE0", "BE1", "FR0", "FR2", "FR3"],
    mark: "P281",
    label: "DEUP281",
    forests: &[],
    domain: UPPER,
};
const FRANCE: Region = Region {
    sites: &["MR1", "PR0", "PR1"],
    mark: "P264",
    label: "FRAP264",
    forests: &[],
    domain: UPPER,
};
const SWITZERLAND: Region = Region {
    sites: &["GV0", "ZR0", "ZR1"],
    mark: "P278",
    label: "CHEP278",
    forests: &[],
    domain: UPPER,
};

impl Region {
    /// Where the mailboxes of a company are: in its country when its domain names one that has a
    /// region, and anywhere else so that 65 of 104 companies are in a region of lower case.
    pub(super) fn of(sender: &Sender<'_>) -> &'static Self {
        let draw = constant(sender.installation.company, "region") % 104;
        let country = sender.domain().rsplit('.').next().unwrap_or_default();
        match country.to_ascii_lowercase().as_str() {
            "uk" if draw < 70 => &BRITAIN,
            "de" if draw < 50 => &GERMANY,
            "fr" if draw < 50 => &FRANCE,
            "ch" if draw < 50 => &SWITZERLAND,
            "uk" | "de" | "fr" | "ch" | "es" | "it" | "nl" | "be" | "at" | "pt" | "pl" | "ie"
            | "se" | "dk" | "fi" | "no" | "eu" => &EUROPE,
            "ca" => &CANADA,
            "in" => &INDIA,
            "au" => &AUSTRALIA,
            "jp" => &JAPAN,
            _ => match draw {
                0..38 => &NORTH_AMERICA,
                38..59 => &EUROPE,
                59..65 => &ASIA,
                65..77 => &BRITAIN,
                77..86 => &GERMANY,
                86..93 => &CANADA,
                93..99 => &INDIA,
                _ => &FRANCE,
            },
        }
    }

    /// A server by the numbers of a company and of a mailbox: its name and its domain.
    pub(super) fn server(&self, company: u64, mailbox: u64) -> (String, String) {
        let pick = |count: usize, number: u64| {
            usize::try_from(number % (count.max(1) as u64)).unwrap_or_default()
        };
        let site = self.sites[pick(self.sites.len(), mailbox)];
        let number = mailbox / 64 % 9_900 + 100;
        let forest = self.forests.get(pick(self.forests.len(), company));
        let forest = forest
            .map(|forest| format!("{forest:02}"))
            .unwrap_or_default();
        (
            format!("{site}{}{forest}MB{number:04}", self.mark),
            format!("{}{forest}.{}", self.label, self.domain),
        )
    }
}
