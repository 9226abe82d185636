//! Climate normals: what a month is usually like. Used where no weather service can be reached, and says so.

use super::{Kind, Report};
use std::collections::HashMap;
use time::Month;

const TABLE: &str = include_str!("normals.csv");
const SOURCE: &str = "embedded table of climate normals 1991-2020 of the Japan Meteorological Agency, NOAA and other weather services";
const NOTE: &str = "This is a climate normal, the long-term mean temperature of the month. It is neither an observation nor a forecast.";

struct City {
    name: &'static str,
    country: &'static str,
    means: [f64; 12],
}

pub(crate) struct Normals {
    cities: Vec<City>,
    by_name: HashMap<String, usize>,
}

impl Normals {
    /// The table that is part of this program. A test reads all of it.
    pub(crate) fn embedded() -> Self {
        let (mut cities, mut by_name) = (Vec::new(), HashMap::new());
        let rows = TABLE
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        for (names, city) in rows.filter_map(parse) {
            for name in names.split('|') {
                by_name.insert(fold(name), cities.len());
            }
            cities.push(city);
        }
        Self { cities, by_name }
    }

    /// Ignores case, spaces around and between, and the diacritics of European languages.
    pub(crate) fn find(&self, city: &str) -> Option<usize> {
        self.by_name.get(&fold(city)).copied()
    }

    pub(crate) fn report(&self, index: usize, month: Month) -> Option<Report> {
        let city = self.cities.get(index)?;
        let mean = *city.means.get(usize::from(u8::from(month)) - 1)?;
        Some(Report {
            city: city.name.to_owned(),
            country: city.country.to_owned(),
            temperature_celsius: mean,
            conditions: format!("usually {} in {month}", feel(mean)),
            month: Some(month.to_string()),
            source: SOURCE.to_owned(),
            kind: Kind::ClimateNormal,
            note: Some(NOTE.to_owned()),
        })
    }
}

/// `Name|other name,CC,` and twelve means.
fn parse(line: &'static str) -> Option<(&'static str, City)> {
    let mut fields = line.split(',');
    let (names, country) = (fields.next()?, fields.next()?);
    let mut means = [0.0; 12];
    for mean in &mut means {
        *mean = fields.next()?.parse().ok()?;
    }
    let name = names.split('|').next()?;
    fields.next().is_none().then_some((
        names,
        City {
            name,
            country,
            means,
        },
    ))
}

fn feel(mean: f64) -> &'static str {
    match mean {
        mean if mean < 0.0 => "freezing",
        mean if mean < 8.0 => "cold",
        mean if mean < 14.0 => "cool",
        mean if mean < 20.0 => "mild",
        mean if mean < 27.0 => "warm",
        _ => "hot",
    }
}

fn fold(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for character in name.chars().flat_map(char::to_lowercase) {
        match character {
            'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'ā' => folded.push('a'),
            'ç' | 'č' | 'ć' => folded.push('c'),
            'é' | 'è' | 'ê' | 'ë' | 'ē' | 'ě' => folded.push('e'),
            'í' | 'ì' | 'î' | 'ï' | 'ī' | 'ı' => folded.push('i'),
            'ñ' | 'ń' => folded.push('n'),
            'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ø' | 'ō' => folded.push('o'),
            'ú' | 'ù' | 'û' | 'ü' | 'ū' => folded.push('u'),
            'š' | 'ş' | 'ś' => folded.push('s'),
            'ž' | 'ź' | 'ż' => folded.push('z'),
            'ł' => folded.push('l'),
            'ß' => folded.push_str("ss"),
            // Accents that follow their letter, and all that people write between the words of a name.
            '\u{300}'..='\u{36f}' | '-' | '.' | '\'' => {}
            character if character.is_whitespace() => {}
            character => folded.push(character),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_read_and_plausible() {
        let normals = Normals::embedded();
        let rows = TABLE
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .count();
        assert_eq!(normals.cities.len(), rows);
        assert!(rows >= 40, "{rows} cities");
        for city in &normals.cities {
            assert_eq!(city.country.len(), 2, "{}", city.name);
            assert!(
                city.means.iter().all(|mean| (-15.0..40.0).contains(mean)),
                "{}",
                city.name
            );
            // Neighbouring months differ by less than ten degrees everywhere in the table; a slip of the pen does not.
            let neighbours = city.means.iter().zip(city.means.iter().cycle().skip(1));
            for (one, next) in neighbours {
                assert!(
                    (one - next).abs() < 10.0,
                    "{}: {one} then {next}",
                    city.name
                );
            }
        }
    }

    #[test]
    fn names() {
        let normals = Normals::embedded();
        let name = |text: &str| normals.find(text).map(|index| normals.cities[index].name);
        for (asked, found) in [
            ("Tokyo", Some("Tokyo")),
            ("  tOKYO ", Some("Tokyo")),
            ("Tōkyō", Some("Tokyo")),
            ("new york", Some("New York")),
            ("NYC", Some("New York")),
            ("Sao Paulo", Some("São Paulo")),
            ("são paulo", Some("São Paulo")),
            ("Sa\u{303}o Paulo", Some("São Paulo")),
            ("Zürich", Some("Zurich")),
            ("Delhi", Some("New Delhi")),
            ("Atlantis", None),
            ("", None),
        ] {
            assert_eq!(name(asked), found, "{asked:?}");
        }
    }

    #[test]
    fn a_report_says_what_it_is() {
        let normals = Normals::embedded();
        let report = normals
            .report(normals.find("tokyo").unwrap(), Month::November)
            .unwrap();
        assert_eq!(
            (report.temperature_celsius, report.country.as_str()),
            (12.5, "JP")
        );
        assert_eq!(report.kind, Kind::ClimateNormal);
        assert!(report.note.unwrap().contains("climate normal"));
        assert_eq!(report.conditions, "usually cool in November");
    }
}
