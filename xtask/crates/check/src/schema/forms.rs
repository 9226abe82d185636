//! Values of which a schema knows several forms: any of them, one of them, all of them.

use template::{Kind, Node};

use super::values::{Problem, Walk};
use resource_types::{Addition, Schema};

impl Walk<'_, '_> {
    pub(super) fn forms(
        &mut self,
        node: &Node,
        line: usize,
        schema: &'static Schema,
        addition: Option<&'static Addition>,
        inner: &'static [Addition],
    ) {
        // What a function gives is seen at a deploy.
        if matches!(node.kind, Kind::Call(..)) {
            return;
        }
        for form in &schema.all_of {
            self.value(node, line, form, addition, inner);
        }
        for forms in [&schema.any_of, &schema.one_of] {
            self.any_form(node, line, forms, addition, inner);
        }
    }

    fn any_form(
        &mut self,
        node: &Node,
        line: usize,
        forms: &'static [Schema],
        addition: Option<&'static Addition>,
        inner: &'static [Addition],
    ) {
        let mut fewest: Option<Vec<Problem>> = None;
        for form in forms {
            let found = self.tried(|walk| walk.value(node, line, form, addition, inner));
            if found.is_empty() {
                return;
            }
            if fewest
                .as_ref()
                .is_none_or(|fewest| found.len() < fewest.len())
            {
                fewest = Some(found);
            }
        }
        let Some(fewest) = fewest else { return };
        let mut names = forms.iter().flat_map(only_required).collect::<Vec<_>>();
        names.dedup();
        if names.len() < forms.len() || names.len() < 2 {
            self.found.extend(fewest);
            return;
        }
        let text = format!("has none of {}", names.join(", "));
        self.problem(
            line,
            &text,
            format!("add one of them: {}", names.join(" or ")),
        );
    }
}

/// The name that a form asks for, when it asks for nothing else.
fn only_required(form: &Schema) -> Option<&str> {
    match &form.required[..] {
        [name] if form.properties.is_empty() && form.reference.is_none() => Some(name),
        _ => None,
    }
}
