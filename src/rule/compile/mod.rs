//! YAML to rules. What is not understood is refused, and every problem of a file is reported together.

mod cases;
mod checks;
mod expectations;
mod manual;
mod places;
mod reader;
mod rules;
mod unwritten;

pub(crate) use reader::{Reader, fill_in};
pub(crate) use rules::{Around, Card, card, compile_tree, recompile_tree, shared_inputs, states_override};
pub use rules::{Options, compile, placeholders, recompile};
pub(crate) use unwritten::FILL_IN;
