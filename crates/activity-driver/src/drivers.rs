//! The drivers of this crate, one file each; listed in
//! [`DriverRegistry::with_built_in`](crate::registry::DriverRegistry::with_built_in).

pub mod local_folders;
