//! The texts of `Fn::Sub`, taken apart.

/// A piece of a `!Sub` text.
pub enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Takes a `!Sub` text apart; `${!Name}` is the text `${Name}`.
pub fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        let inner = &rest[start + 2..start + length];
        if let Some(literal) = inner.strip_prefix('!') {
            found.push(Piece::Text(&rest[..start + 2]));
            found.push(Piece::Text(literal));
            found.push(Piece::Text("}"));
        } else {
            found.push(Piece::Text(&rest[..start]));
            found.push(Piece::Name(inner.trim()));
        }
        rest = &rest[start + length + 1..];
    }
    found.push(Piece::Text(rest));
    found
}
