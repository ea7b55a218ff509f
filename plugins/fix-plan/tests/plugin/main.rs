//! The tests of the plugin through its public face: documents and a record in, splices out. One binary, so
//! that what the tests share is built once. `support` starts them; each other module is one subject.

mod abi;
mod asked;
mod corpus;
mod edit;
mod every_item;
mod numbering;
mod own_documents;
mod properties;
#[path = "../property/mod.rs"]
mod property;
mod proposals;
mod refusals;
mod schema;
mod support;
