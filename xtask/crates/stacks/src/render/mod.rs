//! Templates and values to CloudFormation. Pure: no files, no environment, no processes.

use anyhow::anyhow;
use facts::Template;
use serde::Serialize;
use tera::{Context, ErrorKind, ReportError, Tera};

mod filters;
pub mod names;
mod values;

pub use values::{
    CallValues, EnvironmentValue, ExistingSecretValues, HealthCheck, ParameterValues, SecretValues,
    ServiceValues, StackValues, StageValues, TableValues,
};

/// The templates, read once for every stack that is rendered from them.
#[derive(Debug)]
pub struct Engine<'a> {
    templates: &'a [Template],
    tera: Tera,
}

impl<'a> Engine<'a> {
    /// All files of `templates/` are given, since they share `macros.tera`.
    ///
    /// An error names the template's file, the line and what is wrong there, with the line itself.
    pub fn new(templates: &'a [Template]) -> anyhow::Result<Self> {
        let mut tera = Tera::new();
        // What is written is YAML, and the filters quote it. HTML's escapes would change it.
        tera.autoescape_on(Vec::<&str>::new());
        filters::register(&mut tera);
        tera.add_raw_templates(
            templates
                .iter()
                .map(|template| (template.name.as_str(), template.source.as_str())),
        )
        .map_err(|error| explained(&error, templates))?;
        Ok(Self { templates, tera })
    }

    /// Renders one of the templates, as YAML. An error says where and what, as that of [`Engine::new`] does.
    pub fn render(&self, file: &str, values: &StackValues) -> anyhow::Result<String> {
        self.render_any(file, values)
    }

    fn render_any(&self, file: &str, values: &impl Serialize) -> anyhow::Result<String> {
        let explained = |error| explained(&error, self.templates);
        let context = Context::from_serialize(values).map_err(explained)?;
        let text = self.tera.render(file, &context).map_err(explained)?;
        Ok(tidied(&text))
    }
}

/// Lines that held nothing but a tag leave blank ones behind; several of those become one.
fn tidied(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut blank = true;
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && blank) {
            tidy.push_str(line);
            tidy.push('\n');
        }
        blank = line.is_empty();
    }
    tidy
}

/// The engine's error in one form: where, what, and the line that it is about.
fn explained(error: &tera::Error, templates: &[Template]) -> anyhow::Error {
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            located(report, templates)
        }
        ErrorKind::TemplateNotFound(name) => anyhow!("templates/{name}: there is no such template"),
        // It carries the engine's own picture of the place.
        _ => anyhow!(
            "templates: {}",
            error.to_string().trim_start_matches("error: ")
        ),
    }
}

fn located(report: &ReportError, templates: &[Template]) -> anyhow::Error {
    let (file, span) = (report.filename(), report.span());
    let source = templates
        .iter()
        .find(|template| template.name == file)
        .map_or("", |template| &template.source);
    let line = source
        .lines()
        .nth(span.start_line.saturating_sub(1))
        .unwrap_or("");
    let what = match (report.message(), expression(line, span.start_col)) {
        (filters::MISSING, Some(expression)) => format!("`{expression}` has no value"),
        (message, _) => message.to_owned(),
    };
    // Columns are counted from 0, and people count from 1.
    anyhow!(
        "templates/{file}:{}:{}: {what}\n    {}",
        span.start_line,
        span.start_col + 1,
        line.trim()
    )
}

/// What the filter or test at a column is about: `stage.name` in `{{ stage.name | yaml }}`. The engine points at the filter.
fn expression(line: &str, column: usize) -> Option<&str> {
    let end = line
        .char_indices()
        .nth(column)
        .map_or(line.len(), |(index, _)| index);
    let start = line[..end].rfind(['{', '%'])? + 1;
    let text = line[start..end].trim_start_matches(['-', ' ']);
    let text = text.trim_start_matches("elif ").trim_start_matches("if ");
    text.split([' ', '|'])
        .next()
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
fn render(templates: &[Template], file: &str, values: &StackValues) -> anyhow::Result<String> {
    render_any(templates, file, values)
}

#[cfg(test)]
fn render_any(
    templates: &[Template],
    file: &str,
    values: &impl Serialize,
) -> anyhow::Result<String> {
    Engine::new(templates)?.render_any(file, values)
}

#[cfg(test)]
mod tests;
