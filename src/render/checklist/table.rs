//! A checklist at a terminal.

use super::{head, phase, rest, state, verdict};
use crate::checklist::{Checklist, Item, ItemState};
use crate::render::page::Page;

pub fn table(list: &Checklist, width: usize, color: bool) -> String {
    let mut page = Page::new(width, color);
    page.title("Checklist", "");
    let head = head(list);
    let column = head.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    head.iter().for_each(|(name, text)| page.entry(1, column, name, text));
    let mut before = None;
    for item in &list.items {
        if before != Some(item.phase) {
            page.heading(phase(item.phase));
            before = Some(item.phase);
        }
        self::item(&mut page, item);
    }
    page.blank();
    page.paragraph(0, &verdict(list));
    page.finish()
}

fn item(page: &mut Page, item: &Item) {
    let code = match item.state {
        ItemState::Failed | ItemState::Contradicted => "31;1",
        ItemState::Unknown | ItemState::Expired | ItemState::Missing => "33;1",
        ItemState::Attested => "36",
        ItemState::Passed => "32",
        ItemState::NotApplicable => "2",
    };
    let mark = if item.state.is_settled() { "[x]" } else { "[ ]" };
    let name = format!("{mark} {}", state(item));
    page.painted_entry(1, 16, &name, code, &format!("{} {}: {}", item.severity.as_str(), item.rule, item.title));
    for subject in &item.subjects {
        page.item(3, &format!("{}: {}", subject.name(), subject.said));
    }
    rest(item).iter().for_each(|rest| page.item(3, rest));
    if !item.state.is_settled() {
        page.paragraph(3, &format!("who: {}", item.owner));
        item.to_do.iter().for_each(|text| page.paragraph(3, &format!("do:  {text}")));
    }
}
