//! The table: what the Dockerfile says, and what the two builders make of it.

/// One Dockerfile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    /// Whether the first line, `FROM scratch`, is left out of the text.
    pub begun: bool,
    pub text: &'static str,
    pub args: &'static [(&'static str, &'static str)],
    pub ignore: &'static str,
    pub verdict: Verdict,
}

/// What the two builders make of a Dockerfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same configuration and files.
    Same,
    BothRefuse,
    /// On purpose, and why.
    EmbeddedRefuses(&'static str),
    /// This engine does not know it yet, or newer ones and older ones differ; the reason stands here.
    EngineMayDiffer(&'static str),
}

use Verdict::{BothRefuse, EmbeddedRefuses, EngineMayDiffer};

impl Case {
    const fn args(self, args: &'static [(&'static str, &'static str)]) -> Self {
        Self { args, ..self }
    }

    const fn ignore(self, ignore: &'static str) -> Self {
        Self { ignore, ..self }
    }

    const fn is(self, verdict: Verdict) -> Self {
        Self { verdict, ..self }
    }
}

/// A Dockerfile after its `FROM scratch`.
const fn after_from(text: &'static str) -> Case {
    Case {
        begun: true,
        ..whole(text)
    }
}

const fn whole(text: &'static str) -> Case {
    Case {
        begun: false,
        text,
        args: &[],
        ignore: "",
        verdict: Verdict::Same,
    }
}

/// Every case.
pub(super) fn all() -> impl Iterator<Item = &'static Case> {
    [SCOPES, COMMANDS, FOLDERS, COPIES, IGNORES, VOLUMES, CHECKS]
        .into_iter()
        .flatten()
}

/// Quoting, continuation, ARG and ENV: who sees what.
const SCOPES: &[Case] = &[
    after_from("COPY app /app\n"),
    after_from(
        "COPY app /app\nENV A=\"x  y\" B='$A' C=a\\ b\nENV OLD  the \"rest\"  of $A \nLABEL a.b=\"c d\" \\\n\n  # between\n  e='f'\nLABEL \"g h\"=i\n",
    ),
    after_from("COPY app /app\nENV A=1\nARG A=2\nENV B=$A\n"),
    after_from("COPY app /app\nARG A=1\nENV A=2\nARG A=3\nENV B=$A\n").args(&[("A", "9")]),
    whole("ARG A=1\nFROM scratch\nARG A\nENV B=$A\nCOPY app /app\n"),
    whole(
        "ARG BASE=scratch\nARG A=1 B=${A}2\nFROM $BASE\nARG A\nARG B\nENV X=$A$B\nCOPY app /app\n",
    )
    .args(&[("A", "5")])
    .is(EmbeddedRefuses(
        "an ARG of the same line is the old value for one engine and the new one for another",
    )),
    after_from("COPY app /app\nARG A=1\nARG B=$A/x C=$B/y\nENV D=$C\n")
        .args(&[("A", "0")])
        .is(EmbeddedRefuses(
            "an ARG of the same line is the old value for one engine and the new one for another",
        )),
    after_from("COPY app /app\nARG A= B=\"\"\nENV C=${A:-d}${B+s} D=${A-d} E=${B:+s}\n")
        .is(EngineMayDiffer("an engine before 23 knows no `${x+y}`")),
    after_from("COPY app /app\nENV P=$PATH:/x\n"),
    after_from("COPY app /app\nENV PATH=/x\nENV A=1\n"),
    after_from(
        "COPY app /app\nARG TARGETARCH\nARG TARGETPLATFORM TARGETOS\nARG TARGETVARIANT\nENV A=$TARGETARCH-$TARGETPLATFORM-$TARGETOS-$TARGETVARIANT\n",
    ),
    after_from("COPY app /app\nARG TARGETARCH=foo\nENV A=$TARGETARCH\n"),
    after_from(
        "COPY app /app\nENV A=\"\\\"q\\\" \\n \\$x\" B=\\$x C='a'b\"c\" D=\"a'b\" E='a\"b'\n",
    ),
    after_from(
        "COPY app /app\nENV A=${none:-x} B=${none:-'y z'} C=\"${none:-d e}\" D=${none:-${PATH}}\n",
    ),
    after_from("COPY app /app\nENV A=1 B=$A\n")
        .is(EmbeddedRefuses("a `$x` that nothing sets is a mistake")),
    after_from("COPY app /app\nENV A=1\nENV A=2 B=$A\n"),
    after_from("COPY app /app\nENV A=5$ B=$/ C=a$.b\n"),
    after_from("COPY app /app\nENV A B=C\n"),
    after_from("COPY app /app\nENV A B\\ C  D\n"),
    after_from("COPY app /app\nENV A=\n"),
    after_from("COPY app /app\nENV A=\"\"\n"),
    after_from("COPY app /app\nENV A=b=c=d\n"),
    after_from("COPY app /app\nENV A=1 B\n").is(BothRefuse),
    after_from("COPY app /app\nENV A\n").is(BothRefuse),
    after_from("COPY app /app\nENV A=x\\\ny B=2\n"),
    after_from("COPY app /app\nENV A=x \\\n  B=2 \\\n# c\n  C=3\n"),
    after_from("COPY app /app\nENV A=x \\   \n  B=2\n"),
    whole("# escape=`\nFROM scratch\nENV A=C:\\dir B=`$x `\n  C=1\nCOPY app /app\n"),
    whole("# a comment\n# escape=`\nFROM scratch\nENV A=x\\ y\nCOPY app /app\n"),
    whole("\r\nFROM scratch\r\nENV A=1 \\\r\n  B=2\r\nCOPY app /app\r\nUSER 1\r\n"),
    whole("from scratch\ncopy app /app\nenv A=1\nuser 5\nexpose 80\ncmd [\"a\"]\n"),
];

/// Commands, ports and users.
const COMMANDS: &[Case] = &[
    whole("  FROM   scratch  \n   COPY   app    /app  \n\tENV\tA=1\tB=2\n"),
    after_from("COPY app /app\nENV A=é B=日本\nLABEL ü=ö\n"),
    after_from("COPY app /app\nCMD [\"a\", \"b \\\"c\\\" \\u00e9\"]\nENTRYPOINT [ \"x\" ]\n"),
    after_from("COPY app /app\nENTRYPOINT [\"x\"]\nCMD [\"a\"]\n"),
    after_from("COPY app /app\nCMD []\n"),
    after_from("COPY app /app\nCMD [\"a\"]\nCMD [\"b\"]\n"),
    after_from("COPY app /app\nENTRYPOINT []\n")
        .is(EmbeddedRefuses("an empty ENTRYPOINT starts nothing")),
    after_from("COPY app /app\nENTRYPOINT [\"$x\",\"${PATH}\"]\n"),
    after_from("COPY app /app\nENTRYPOINT [\"/a\",\\\n \"b\"]\n"),
    after_from("COPY app /app\nARG PORTS=\"80 443/UDP\"\nEXPOSE 8080 $PORTS\nEXPOSE 8080/tcp\n"),
    after_from("COPY app /app\nEXPOSE 9 10 11/udp\n"),
    after_from("COPY app /app\nENV P=7\nEXPOSE $P ${P}1/tcp\n"),
    after_from("COPY app /app\nARG U=5\nUSER ${U}:${U:+6}\n"),
    after_from("COPY app /app\nUSER 5\n"),
    after_from("COPY app /app\nUSER \"5:6\"\n"),
    after_from("COPY app /app\nUSER 5\nUSER 0\n"),
    after_from("WORKDIR /w\nCOPY app .\n"),
    after_from("WORKDIR /w\nCOPY app ./\n"),
    after_from("WORKDIR /w\nCOPY app x\n"),
];

/// WORKDIR.
const FOLDERS: &[Case] = &[
    after_from("WORKDIR /w/\nCOPY app x/\n"),
    after_from("WORKDIR a\nWORKDIR b\nCOPY app .\n"),
    after_from("WORKDIR /a/b\nWORKDIR ../c\nCOPY app ../x\n"),
    after_from("USER 7\nWORKDIR /w/x\nCOPY app .\n"),
    after_from("USER 7:8\nWORKDIR /w/x\nCOPY app .\n"),
    after_from("WORKDIR \"/d e\"\nCOPY app .\n"),
    after_from("ENV D=/q\nWORKDIR $D/r\nCOPY app $D/s/\n"),
    after_from("WORKDIR /a/../b\nCOPY app .\n"),
    after_from("WORKDIR /w\nWORKDIR /w\nCOPY app /\n"),
    after_from("WORKDIR /\nCOPY app .\n"),
];

/// COPY in all its forms.
const COPIES: &[Case] = &[
    after_from("COPY app /bin/\n"),
    after_from("COPY app /a/b/c\n"),
    after_from("COPY --chmod=500 --chown=7:8 app /a/b/c\n"),
    after_from("COPY --chmod=0555 app /a/b/\n"),
    after_from("COPY --chown=9 app /a/b\n"),
    after_from("COPY --chmod=4755 app /a\n").is(EmbeddedRefuses(
        "the engine drops the bits beyond 0777 without a word",
    )),
    after_from("ARG M=0444 U=9\nCOPY --chmod=$M --chown=${U} app /x/\n").is(EngineMayDiffer(
        "an engine before 23 puts no variables into --chmod",
    )),
    after_from("COPY --chmod=\"0444\" app /x/\n"),
    after_from("COPY app Cargo.toml /b/\n"),
    after_from("COPY pages/* /p/\n"),
    after_from("COPY pages /p\n"),
    after_from("COPY pages/ /p/\n"),
    after_from("COPY pages .\n"),
    after_from("COPY . /all\n").ignore("Dockerfile\n.dockerignore\n"),
    after_from("COPY pages /p\nCOPY app /p\n"),
    after_from("COPY app /x\nCOPY Cargo.toml /x\n"),
    after_from("COPY --chmod=0711 pages /p\n"),
    after_from("COPY --chmod=0400 --chown=5:6 pages /p/q\n"),
    after_from("COPY pages bin /m/\n"),
    after_from("COPY bin/tool* /t/\n"),
    after_from("COPY bin/tool? /t/\n"),
    after_from("COPY bin/[t]ool /t\n"),
    after_from("COPY */tool /t/\n"),
    after_from("COPY [\"sp ace\", \"/s p/\"]\n"),
    after_from("COPY [\"sp ace/f g\", \"/f g\"]\n"),
    after_from("COPY pages/index.html /p/../q\n"),
    after_from("COPY ./app //x//y\n"),
    after_from("COPY /app /z\n"),
    after_from("COPY / /z/\n").ignore("Dockerfile\n.dockerignore"),
    after_from("COPY app /z/.\n").is(EmbeddedRefuses(
        "a folder for new engines and a file for old ones: `/z/.`",
    )),
    after_from("COPY .hidden /\n"),
    after_from("COPY *.toml app /c/\n"),
    after_from("COPY * /c/\n").ignore("Dockerfile\n.dockerignore"),
    after_from("COPY pages/a /p\nCOPY pages /p\n"),
    after_from("COPY app /p/q\nCOPY --chown=3:4 --chmod=700 pages /p\n"),
    after_from("COPY pages/../app /a\n"),
    after_from("COPY ../app /a\n").is(EmbeddedRefuses(
        "a path that leads out of the context is not bent back into it",
    )),
    after_from("COPY nothing /x\n").is(BothRefuse),
    after_from("COPY no* /x\n").is(EmbeddedRefuses(
        "a pattern that matches nothing copies nothing, and nobody is told",
    )),
    after_from("COPY app /x\nCOPY app /x/y\n").is(BothRefuse),
    after_from("COPY app /x\nCOPY pages /x\n").is(BothRefuse),
    after_from("COPY app pages /x\n").is(BothRefuse),
    after_from("COPY app\n").is(BothRefuse),
];

/// `.dockerignore`.
const IGNORES: &[Case] = &[
    after_from("COPY . /all/\n").ignore("Dockerfile\n*\n!app\n.dockerignore\n"),
    after_from("COPY . /all/\n").ignore("Dockerfile\npages\n!pages/a\n.dockerignore\n"),
    after_from("COPY . /all/\n")
        .ignore("Dockerfile\npages/**\n!**/b.css\n.dockerignore\n")
        .is(EngineMayDiffer(
            "Docker before 23 looks for no exception in a folder that is out",
        )),
    after_from("COPY . /all/\n").ignore("Dockerfile\n**/*.css\n.dockerignore\n"),
    after_from("COPY . /all/\n")
        .ignore("Dockerfile\npages/*\n!pages\n.dockerignore\n")
        .is(EngineMayDiffer(
            "Docker before 23 asks every pattern about the folders above once more",
        )),
    after_from("COPY . /all/\n").ignore("Dockerfile\n**\n!bin/tool\n\n.dockerignore\n"),
    after_from("COPY . /all/\n").ignore("Dockerfile\n[a-c]*\n.dockerignore\n"),
    after_from("COPY . /all/\n").ignore("Dockerfile\n!app\n*\n.dockerignore\n"),
    after_from("COPY . /all/\n").ignore("Dockerfile\n#app\n/app\n\n.dockerignore\n"),
    after_from("COPY . /all/\n").ignore("Dockerfile\n*.t?ml\nsp ace\n.dockerignore\n"),
    after_from("COPY . /all/\n").ignore("Dockerfile\n**/a\n.dockerignore\n"),
    after_from("COPY . /all/\n").ignore("Dockerfile\npages/a/../x.txt\n.dockerignore\n"),
    after_from("COPY . /all/\n").ignore("Dockerfile\n./pages/\n.dockerignore\n"),
    after_from("COPY . /all/\n").ignore("Dockerfile\nb*n/tool2\n.dockerignore\n"),
    after_from("COPY app /x\n").ignore("app\n").is(BothRefuse),
    after_from("COPY pages/a /x\n").ignore("pages\n!pages/a\n"),
];

/// Folders that outlive a container.
const VOLUMES: &[Case] = &[
    after_from("COPY app /app\nVOLUME /data\n"),
    after_from("COPY app /app\nVOLUME /b /a /b\n"),
    after_from("COPY app /app\nVOLUME [\"/b\", \"/a b\"]\n"),
    after_from("COPY app /app\nENV D=/d\nVOLUME $D/x ${D}\n"),
    after_from("COPY app /app\nUSER 7\nWORKDIR /data\nVOLUME /data\n"),
    after_from("COPY app /app\nVOLUME [\"\"]\n").is(BothRefuse),
    after_from("COPY app /app\nVOLUME\n").is(BothRefuse),
    after_from("COPY app /app\nVOLUME data\n").is(EmbeddedRefuses(
        "what a relative path is relative to, nobody says",
    )),
];

/// Health checks, labels, stages, and what is no Dockerfile.
const CHECKS: &[Case] = &[
    after_from("COPY app /app\nHEALTHCHECK CMD [\"/a\"]\n"),
    after_from("COPY app /app\nHEALTHCHECK --interval=1h1m1s --timeout=5s --start-period=0s --retries=0 CMD [\"/a\",\"b c\"]\n").is(EngineMayDiffer("an engine before 23 takes no start period of zero")),
    after_from("COPY app /app\nHEALTHCHECK CMD [\"/a\"]\nHEALTHCHECK NONE\n"),
    after_from("COPY app /app\nHEALTHCHECK --interval=10s \\\n  --retries=5 \\\n  CMD [\"/a\"]\n"),
    after_from("COPY app /app\nHEALTHCHECK NONE\n"),
    after_from("COPY app /app\nHEALTHCHECK --interval=1.5s CMD [\"/a\"]\n").is(EmbeddedRefuses("ECS counts whole seconds")),
    after_from("COPY app /app\nhealthcheck cmd [\"/a\"]\n"),
    after_from("COPY app /app\nLABEL a=1\nLABEL a=2 b=\"multi \\\nline\"\n"),
    after_from("COPY app /app\nLABEL a b c\n"),
    after_from("COPY app /app\nARG V=1\nLABEL v=$V w='$V'\n"),
    after_from("COPY app /app\nENV K=k\nLABEL $K=1\nENV ${K}2=3\n"),
    whole("FROM scratch AS app\nCOPY app /app\n"),
    whole("FROM --platform=linux/arm64 scratch\nCOPY app /app\n"),
    whole("FROM --platform=$TARGETPLATFORM scratch\nCOPY app /app\n"),
    after_from("COPY app /app\nENV A=$1 B=x\n").is(EmbeddedRefuses("`$1` is not a variable")),
    after_from("COPY app /app\nENV A=${PATH%/bin}\n").is(BothRefuse),
    after_from("COPY app /app\nENV A=\"a\nB=2\n").is(BothRefuse),
    after_from("COPY app /app\nENV A=${X:?must}\n").is(BothRefuse),
    after_from("COPY app /app\nRUN true\n").is(BothRefuse),
    after_from("COPY app /app\nENV TZ=a#b #c\n").is(BothRefuse),
    after_from("COPY app /app\nENV A='#' # x=y\n").is(BothRefuse),
    after_from("COPY app /app\nEXPOSE 80 # x\n").is(BothRefuse),
    after_from("COPY app /app\nENV A=x\\tb B=\"x\\tb\"\n"),
    after_from("COPY app /app\nENV A=\"a \\\n b\"\n"),
    after_from("COPY app /app\nENV A='a\\\nb'\n"),
];
