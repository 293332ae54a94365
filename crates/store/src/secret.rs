//! The secret of a deployment.

use decnet_emailgen::ledger::LedgerError;
use decnet_emailgen::random::DeploymentSecret;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{corrupt, ledger_error};
use crate::open::Store;

/// Name of the setting.
const NAME: &str = "secret";

impl Store {
    /// The secret of this deployment. `make` is asked for one the first time; then it stays.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the storage fails.
    pub fn deployment_secret(
        &mut self,
        make: impl FnOnce() -> DeploymentSecret,
    ) -> Result<DeploymentSecret, LedgerError> {
        if let Some(secret) = read(&self.connection)? {
            return Ok(secret);
        }
        let made = make();
        self.write(|transaction| {
            let hex: String = made
                .bytes()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            transaction
                .execute(
                    "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                    params![NAME, hex],
                )
                .map_err(ledger_error)?;
            // Another process may have been faster.
            read(transaction)?.ok_or_else(|| corrupt("the deployment has no secret".to_owned()))
        })
    }
}

fn read(connection: &Connection) -> Result<Option<DeploymentSecret>, LedgerError> {
    let hex: Option<String> = connection
        .prepare_cached("SELECT value FROM setting WHERE name = ?1")
        .and_then(|mut statement| {
            statement
                .query_row(params![NAME], |row| row.get(0))
                .optional()
        })
        .map_err(ledger_error)?;
    hex.map(|hex| {
        DeploymentSecret::from_hex(&hex)
            .ok_or_else(|| corrupt("the deployment's secret is not 64 hex digits".to_owned()))
    })
    .transpose()
}
