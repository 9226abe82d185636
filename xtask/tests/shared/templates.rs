//! The repository's own templates, in a workspace of a test's own.

use std::fs;
use std::path::Path;

/// Copies them to `templates/` under this folder.
pub(crate) fn copy_templates(workspace: &Path) {
    let folder = workspace.join("templates");
    fs::create_dir_all(&folder).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for template in fs::read_dir(repository.join("templates")).unwrap() {
        let template = template.unwrap();
        fs::copy(template.path(), folder.join(template.file_name())).unwrap();
    }
}
