//! Settings of an image that are lists or have options: EXPOSE, VOLUME, HEALTHCHECK.

use parse_dockerfile::{HealthcheckInstruction, UnescapedString};

use super::stage::{Done, Stage, known};
use super::{command, number};

impl Stage<'_> {
    pub(super) fn volume(&mut self, folders: &[UnescapedString<'_>]) -> Done {
        let mut added = Vec::new();
        for folder in folders {
            let folder = self.expand(&folder.value)?.trim().to_owned();
            if !folder.starts_with('/') {
                return Err(format!(
                    "VOLUME `{folder}` is not an absolute path; write VOLUME /data"
                ));
            }
            added.push(folder);
        }
        let text = format!("VOLUME [{}]", added.join(" "));
        self.image.config.volumes.extend(added);
        known(text)
    }

    pub(super) fn expose(&mut self, ports: &[UnescapedString<'_>]) -> Done {
        let mut added = Vec::new();
        for port in ports {
            let expanded = self.expand(&port.value)?;
            for port in expanded.split_whitespace() {
                let (digits, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
                let protocol = protocol.to_ascii_lowercase();
                if digits.contains('-') {
                    return Err(format!(
                        "EXPOSE {port} is a range; a service listens on one port: EXPOSE 8080"
                    ));
                }
                let known = ["tcp", "udp"].contains(&protocol.as_str());
                match number(digits).filter(|number| known && *number <= 65535) {
                    Some(number) => added.push(format!("{number}/{protocol}")),
                    None => return Err(format!("EXPOSE {port} is not a port; write EXPOSE 8080")),
                }
            }
        }
        let text = format!("EXPOSE [{}]", added.join(" "));
        let exposed = &mut self.image.config.exposed_ports;
        for port in added {
            if !exposed.contains(&port) {
                exposed.push(port);
            }
        }
        known(text)
    }

    pub(super) fn health_check(&mut self, check: &HealthcheckInstruction<'_>) -> Done {
        let found = command::health_check(&check.options, &check.arguments, command::exec_form)?;
        let config = &mut self.image.config;
        config.health_check_off = found.is_none();
        config.health_check = found;
        let Some(check) = &config.health_check else {
            return known("HEALTHCHECK NONE".to_owned());
        };
        let times = &check.written;
        known(format!(
            "HEALTHCHECK {{Test:[CMD {}] Interval:{} Timeout:{} StartPeriod:{} StartInterval:0s Retries:{}}}",
            check.command.join(" "),
            command::duration(times.interval_seconds),
            command::duration(times.timeout_seconds),
            command::duration(times.start_period_seconds),
            times.retries
        ))
    }
}
