//! A checklist as one page by itself: no scripts, nothing that is fetched, readable on paper and by a screen reader.

use super::{head, phase, pieces, rest, state, verdict};
use crate::checklist::{Checklist, Item, ItemState};
use crate::value::text::sanitize;

const STYLE: &str = "\
body{font:16px/1.45 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:70rem;margin:2rem auto;padding:0 1rem}\
h1{margin-bottom:.2rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dt{color:#555}dd{margin:0;\
overflow-wrap:anywhere}table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{border:1px solid #bbb;padding:.4rem .6rem;\
text-align:left;vertical-align:top;overflow-wrap:anywhere}th{background:#f2f2f2}thead th:nth-child(-n+2){width:9rem}\
tr{break-inside:avoid}ul{margin:.3rem 0;padding-left:1.2rem}code{font:.92em ui-monospace,monospace;background:#f2f2f2}\
.verdict{font-size:1.15rem;font-weight:600;border-left:.5rem solid #555;padding:.3rem .8rem}\
.bad{color:#a40000}.open{color:#7a4b00}.good{color:#1b5e20}.none{color:#555}.rule{color:#555}\
@media print{body{font-size:11px;max-width:none;margin:0}}";

pub fn html(list: &Checklist) -> String {
    let mut page = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    );
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    let title = format!("Checklist, {}", list.at);
    page.push_str(&format!("<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n", text(&title)));
    page.push_str(&format!("<h1>Checklist</h1>\n<p class=\"verdict\">{}</p>\n<dl>\n", text(&verdict(list))));
    for (name, value) in head(list) {
        page.push_str(&format!("<dt>{}</dt><dd>{}</dd>\n", text(&name), text(&value)));
    }
    page.push_str("</dl>\n");
    let mut open = None;
    for item in &list.items {
        if open != Some(item.phase) {
            if open.is_some() {
                page.push_str("</tbody>\n</table>\n");
            }
            page.push_str(&format!("<h2>{}</h2>\n<table>\n<thead><tr>", text(phase(item.phase))));
            for column in ["Severity", "State", "Item", "Who must act"] {
                page.push_str(&format!("<th scope=\"col\">{column}</th>"));
            }
            page.push_str("</tr></thead>\n<tbody>\n");
            open = Some(item.phase);
        }
        self::item(&mut page, item);
    }
    if open.is_some() {
        page.push_str("</tbody>\n</table>\n");
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn item(page: &mut String, item: &Item) {
    let class = match item.state {
        ItemState::Failed | ItemState::Contradicted => "bad",
        ItemState::Unknown | ItemState::Expired | ItemState::Missing => "open",
        ItemState::Attested | ItemState::Passed => "good",
        ItemState::NotApplicable => "none",
    };
    let settled = item.state.is_settled();
    let (severity, state) = (item.severity.as_str(), text(&state(item)));
    page.push_str(&format!("<tr><td>{severity}</td><td class=\"{class}\"><strong>{state}</strong></td><td>"));
    page.push_str(&format!("{} <span class=\"rule\">{}</span>", with_code(&item.title), text(&item.rule)));
    let subjects = item.subjects.iter();
    let mut lines: Vec<String> =
        subjects.map(|subject| format!("{}: {}", text(&subject.name()), with_code(&subject.said))).collect();
    lines.extend(rest(item).map(|rest| text(&rest)));
    if !settled {
        lines.extend(item.to_do.iter().map(|fix| format!("<strong>To do:</strong> {}", with_code(fix))));
    }
    if !lines.is_empty() {
        let lines = lines.iter().map(|line| format!("<li>{line}</li>")).collect::<String>();
        page.push_str(&format!("<ul>{lines}</ul>"));
    }
    let owner = if settled { String::new() } else { text(&item.owner) };
    page.push_str(&format!("</td><td>{owner}</td></tr>\n"));
}

fn with_code(foreign: &str) -> String {
    let piece = |(code, piece): (bool, &str)| {
        let piece = text(piece);
        if code { format!("<code>{piece}</code>") } else { piece }
    };
    pieces(foreign).into_iter().map(piece).collect()
}

/// Text that is nothing but text, between tags and in attributes.
fn text(foreign: &str) -> String {
    let mut escaped = String::with_capacity(foreign.len());
    for letter in sanitize(foreign).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
