use expect_test::expect;

use super::*;

const LOCK: &str = r#"
version = 4

[[package]]
name = "agent"
version = "0.1.0"
dependencies = ["runtime", "sha2 0.11.1", "tempfile"]

[[package]]
name = "frontend"
version = "0.1.0"
dependencies = ["other"]

[[package]]
name = "other"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "patched"
version = "2.0.0"
source = "git+https://example.com/patched#0123abcd"

[[package]]
name = "runtime"
version = "0.1.0"
dependencies = ["patched", "sha2 0.10.9", "toml_edit"]

[[package]]
name = "sha2"
version = "0.10.9"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "aa"

[[package]]
name = "sha2"
version = "0.11.1"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "bb"

[[package]]
name = "tempfile"
version = "3.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "cc"

[[package]]
name = "toml_edit"
version = "0.25.18+spec-1.1.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "dd"
"#;

const SUBJECT: Subject<'_> = Subject {
    package: "agent",
    digest: "sha256:ee",
    revision: "0123",
};

fn stays_out(package: &str, dependency: &str) -> bool {
    (package, dependency) == ("agent", "tempfile")
}

#[test]
fn only_what_the_service_reaches_is_listed() {
    let text = cyclonedx(LOCK, SUBJECT, &stays_out).unwrap();
    let shown = String::from_utf8(text).unwrap();
    expect![[r#"
        {
          "bomFormat": "CycloneDX",
          "specVersion": "1.6",
          "serialNumber": "urn:uuid:5d125991-e1d5-8aee-bb7d-33ae8786a55b",
          "version": 1,
          "metadata": {
            "component": { "type": "application", "bom-ref": "agent@0.1.0", "name": "agent", "version": "0.1.0", "hashes": [   {     "alg": "SHA-256",     "content": "ee"   } ], "purl": "pkg:cargo/agent@0.1.0"
            },
            "properties": [ {   "name": "turnpike:revision",   "value": "0123" }
            ]
          },
          "components": [
            { "type": "library", "bom-ref": "patched@2.0.0 (git+https://example.com/patched#0123abcd)", "name": "patched", "version": "2.0.0", "purl": "pkg:cargo/patched@2.0.0?vcs_url=git%2Bhttps:%2F%2Fexample.com%2Fpatched%230123abcd"
            },
            { "type": "library", "bom-ref": "runtime@0.1.0", "name": "runtime", "version": "0.1.0", "purl": "pkg:cargo/runtime@0.1.0"
            },
            { "type": "library", "bom-ref": "sha2@0.10.9", "name": "sha2", "version": "0.10.9", "hashes": [   {     "alg": "SHA-256",     "content": "aa"   } ], "purl": "pkg:cargo/sha2@0.10.9"
            },
            { "type": "library", "bom-ref": "sha2@0.11.1", "name": "sha2", "version": "0.11.1", "hashes": [   {     "alg": "SHA-256",     "content": "bb"   } ], "purl": "pkg:cargo/sha2@0.11.1"
            },
            { "type": "library", "bom-ref": "toml_edit@0.25.18+spec-1.1.0", "name": "toml_edit", "version": "0.25.18+spec-1.1.0", "hashes": [   {     "alg": "SHA-256",     "content": "dd"   } ], "purl": "pkg:cargo/toml_edit@0.25.18%2Bspec-1.1.0"
            }
          ],
          "dependencies": [
            { "ref": "agent@0.1.0", "dependsOn": [   "runtime@0.1.0",   "sha2@0.11.1" ]
            },
            { "ref": "patched@2.0.0 (git+https://example.com/patched#0123abcd)"
            },
            { "ref": "runtime@0.1.0", "dependsOn": [   "patched@2.0.0 (git+https://example.com/patched#0123abcd)",   "sha2@0.10.9",   "toml_edit@0.25.18+spec-1.1.0" ]
            },
            { "ref": "sha2@0.10.9"
            },
            { "ref": "sha2@0.11.1"
            },
            { "ref": "toml_edit@0.25.18+spec-1.1.0"
            }
          ]
        }"#]].assert_eq(&shown.replace("\n      ", " "));
}

#[test]
fn the_number_comes_from_the_content() {
    let number = |lock: &str| {
        let text = cyclonedx(lock, SUBJECT, &stays_out).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
        document["serialNumber"].as_str().unwrap().to_owned()
    };
    assert_eq!(number(LOCK), number(LOCK));
    assert_ne!(number(LOCK), number(&LOCK.replace("\"bb\"", "\"b0\"")));
    // What it does not reach does not change it.
    assert_eq!(number(LOCK), number(&LOCK.replace("1.0.0", "1.0.1")));
    let parts: Vec<usize> = number(LOCK)
        .trim_start_matches("urn:uuid:")
        .split('-')
        .map(str::len)
        .collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
}

#[test]
fn problems_name_the_package() {
    let problem = |lock: &str| cyclonedx(lock, SUBJECT, &stays_out).unwrap_err();
    assert_eq!(
        problem(""),
        "Cargo.lock has no package agent; run `cargo check` once"
    );
    assert_eq!(
        problem(&LOCK.replace("sha2 0.11.1", "sha2 0.12.0")),
        "Cargo.lock: agent needs `sha2 0.12.0`, which is not there"
    );
    assert!(problem("[[package").starts_with("Cargo.lock cannot be read"));
}

#[test]
fn our_own_lock_file_can_be_read() {
    let lock = include_str!("../../../../../Cargo.lock");
    let text = cyclonedx(lock, SUBJECT, &|_, _| false).unwrap();
    assert!(text.len() > 10_000, "{} bytes", text.len());
}
