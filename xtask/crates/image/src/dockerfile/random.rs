//! Whatever is in a Dockerfile, the interpreter answers: an image or one line of error, never a panic.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const WHOLE: &str = "# escape=\\\n# The agent.\nARG BASE=scratch\nFROM ${BASE}\nARG URL\nARG A=1 B=\"x y\"\n\
    ENV HOST=0.0.0.0 \\\n    # between\n    PORT=8080 URL=${URL:-none} C='$A' D=${A:+${B}}\nENV OLD the rest of it\n\
    LABEL a=\"b c\" d=e\nWORKDIR /srv\nWORKDIR data\nCOPY --chmod=0555 --chown=1:2 app pages/* /x/\n\
    COPY [\"a b\", \"/c d/\"]\nUSER ${A}:2\nEXPOSE 8080 9090/udp\n\
    HEALTHCHECK --interval=10s --timeout=1m5s --retries=3 CMD [\"/app\", \"\\u0068ealth\"]\nCMD [\"a\"]\nENTRYPOINT [\"/app\"]\n";

const PIECES: &[&str] = &[
    "FROM scratch\n",
    "FROM ",
    "scratch",
    " AS ",
    "ARG ",
    "ENV ",
    "LABEL ",
    "COPY ",
    "USER ",
    "WORKDIR ",
    "EXPOSE ",
    "HEALTHCHECK ",
    "NONE",
    "CMD ",
    "ENTRYPOINT ",
    "RUN ",
    "ADD ",
    "ONBUILD ",
    "VOLUME ",
    "SHELL ",
    "STOPSIGNAL ",
    "--chmod=",
    "--chown=",
    "--from=",
    "--interval=",
    "--retries=",
    "A",
    "=",
    "B=",
    "$A",
    "${A",
    "${A:-",
    "${A:+",
    "${",
    "}",
    "$",
    "\\",
    "\\\n",
    "`",
    "`\n",
    "\"",
    "'",
    "[",
    "]",
    ",",
    "<<EOF\n",
    "<<",
    "EOF\n",
    "#",
    "# escape=`\n",
    "# syntax=x\n",
    "\u{feff}",
    "\r\n",
    "\n",
    " ",
    "\t",
    "\u{e9}",
    "\u{2028}",
    "\0",
    "..",
    "/",
    ".",
    "-1",
    "8080",
    "10s",
    "99999999999999999999",
    "\\u",
    "d800",
];

fn answer(text: &str) {
    let args = BTreeMap::from([("URL".to_owned(), "http://b/".to_owned())]);
    for args in [&BTreeMap::new(), &args] {
        match interpret("Dockerfile", text, args) {
            Ok(image) => {
                for copy in &image.copies {
                    assert!(copy.destination.starts_with('/'), "{copy:?}");
                    let mut paths = copy.sources.iter().chain([&copy.destination]);
                    assert!(
                        !paths.any(|path| path.split('/').any(|part| part == "..")),
                        "{copy:?}"
                    );
                }
            }
            Err(problem) => assert!(problem.starts_with("Dockerfile:"), "{problem}"),
        }
        if let Err(problem) = read("Dockerfile", text, args) {
            assert!(problem.starts_with("Dockerfile:"), "{problem}");
        }
    }
}

#[test]
fn the_file_that_is_damaged_is_whole() {
    let args = BTreeMap::from([("URL".to_owned(), "http://b/".to_owned())]);
    interpret("Dockerfile", WHOLE, &args).unwrap();
}

proptest! {
    #![proptest_config(crate::executions(2_000))]

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        answer(&text);
    }

    #[test]
    fn any_pieces_are_answered(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        answer(&pieces.concat());
        answer(&format!("FROM scratch\n{}", pieces.concat()));
    }

    #[test]
    fn a_damaged_file_is_answered(
        damage in prop::collection::vec((0usize..WHOLE.len(), 0usize..8, prop::sample::select(PIECES)), 1..6)
    ) {
        let mut bytes = WHOLE.as_bytes().to_vec();
        for (at, removed, piece) in damage {
            let at = at.min(bytes.len());
            let end = (at + removed).min(bytes.len());
            bytes.splice(at..end, piece.bytes());
        }
        answer(&String::from_utf8_lossy(&bytes));
    }
}
