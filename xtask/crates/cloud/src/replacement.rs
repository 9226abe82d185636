//! Which changes make a resource anew, as far as that is known.

use super::Change;

/// True when the type is known, and none of the changed properties needs a new resource.
pub fn changes_in_place(change: &Change) -> bool {
    resource_types::find(&change.resource_type)
        .is_some_and(|known| known.replaced.is_some() && !known.is_replaced_by(&change.properties))
}
