//! Blocks that hold a program instead of directives (`content_by_lua_block { … }` of OpenResty): only where they end.

/// Whether the block of a directive is Lua.
pub(super) fn is_lua_block(name: &str) -> bool {
    name.ends_with("_by_lua_block")
}

/// How many bytes to the `}` that closes a block of Lua, that one included. Strings and comments of Lua may hold braces
/// (Lua 5.1 manual, section 2.1).
pub(super) fn length(code: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 1_usize);
    while let Some(byte) = code.get(at) {
        at = match byte {
            b'{' | b'}' => {
                depth = if *byte == b'{' { depth + 1 } else { depth - 1 };
                if depth == 0 {
                    return Some(at + 1);
                }
                at + 1
            }
            b'-' if code.get(at + 1) == Some(&b'-') => comment(code, at + 2)?,
            b'[' => match bracket(code, at) {
                Some(level) => long(code, at, level)?,
                None => at + 1,
            },
            b'"' | b'\'' => string(code, at + 1, *byte)?,
            _ => at + 1,
        };
    }
    None
}

/// The number of `=` in an opening long bracket `[==[`.
fn bracket(code: &[u8], at: usize) -> Option<usize> {
    let rest = code.get(at + 1..)?;
    let level = rest.iter().take_while(|byte| **byte == b'=').count();
    (rest.get(level) == Some(&b'[')).then_some(level)
}

/// Behind a long bracket of this level.
fn long(code: &[u8], at: usize, level: usize) -> Option<usize> {
    let mut close = vec![b']'];
    close.extend(std::iter::repeat_n(b'=', level));
    close.push(b']');
    let start = at + level + 2;
    let found = code.get(start..)?.windows(close.len()).position(|window| window == close)?;
    Some(start + found + close.len())
}

fn comment(code: &[u8], at: usize) -> Option<usize> {
    if code.get(at) == Some(&b'[')
        && let Some(level) = bracket(code, at)
    {
        return long(code, at, level);
    }
    Some(at + code.get(at..)?.iter().take_while(|byte| **byte != b'\n').count())
}

fn string(code: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        match *code.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}
