//! What the API set (enabled, disabled, dry run), kept in a file so that it survives a restart.
//!
//! It knows nothing of services: it writes what it is given, whole, and replaces the old file in one step.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

/// Why the state could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The folder could not be made.
    #[error("state folder {} cannot be made", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// The file could not be read.
    #[error("state file {} cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// The file is not what this program wrote.
    #[error("state file {} is damaged; mend or remove it", .0.display())]
    Damaged(PathBuf, #[source] serde_json::Error),
    /// The file is of a kind that this version does not take.
    #[error("state file {} cannot be used", .0.display())]
    Refused(PathBuf, #[source] scaler::AdminError),
    /// The file could not be written.
    #[error("state file {} cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
}

/// The file that holds the scaler's administrative state.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// Opens the state in `folder`, made when it is missing.
    ///
    /// # Errors
    /// [`StateError::Folder`] when the folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        fs::create_dir_all(folder).map_err(|error| StateError::Folder(folder.to_owned(), error))?;
        Ok(Self {
            path: folder.join("state.json"),
        })
    }

    /// Reads what was kept; `None` when nothing was.
    ///
    /// # Errors
    /// A file that is there and cannot be used is an error: a service that somebody disabled must not wake up enabled.
    pub fn read(&self) -> Result<Option<scaler::AdminState>, StateError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StateError::Read(self.path.clone(), error)),
        };
        let state: scaler::AdminState = serde_json::from_slice(&text)
            .map_err(|error| StateError::Damaged(self.path.clone(), error))?;
        state
            .check()
            .map_err(|error| StateError::Refused(self.path.clone(), error))?;
        Ok(Some(state))
    }

    /// Replaces what was kept.
    ///
    /// # Errors
    /// [`StateError::Write`]; the old file is then still whole.
    pub fn write(&self, state: &scaler::AdminState) -> Result<(), StateError> {
        self.replace(state)
            .map_err(|error| StateError::Write(self.path.clone(), error))
    }

    fn replace(&self, state: &scaler::AdminState) -> io::Result<()> {
        let beside = self.path.with_extension("json.new");
        let mut file = fs::File::create(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(state)?)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        if let Some(folder) = self.path.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}
