//! Candidates for the policy, read from TOML files: for shadows and for replays.

use std::{fs, io, path::Path};

use scaler::shadow::{Candidate, CandidateError};

/// Why a candidate's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CandidateFileError {
    /// It cannot be read.
    #[error("{0} cannot be read")]
    Read(String, #[source] io::Error),
    /// It is no candidate.
    #[error("{0} is no policy: {1}")]
    Parse(String, String),
    /// Its name does not do.
    #[error("{0}")]
    Name(String, #[source] CandidateError),
}

/// Reads a candidate; the file's name without its ending is its name unless it says another.
///
/// # Errors
/// [`CandidateFileError`], naming the file.
pub(crate) fn read(path: &Path) -> Result<Candidate, CandidateFileError> {
    let name = path.display().to_string();
    let text =
        fs::read_to_string(path).map_err(|error| CandidateFileError::Read(name.clone(), error))?;
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let candidate: Candidate = toml::from_str(&text)
        .map_err(|error| CandidateFileError::Parse(name.clone(), error.to_string()))?;
    candidate
        .named(stem.unwrap_or_default())
        .map_err(|error| CandidateFileError::Name(name, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calmer.toml");
        let text = "[labels]\n\"cpu.high\" = \"60%\"\n[services.web]\nmax = \"40\"\n";
        fs::write(&path, text).unwrap();
        assert_eq!(read(&path).unwrap().name(), "calmer");
        fs::write(&path, "[lables]\n").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(
            error.contains("calmer.toml is no policy") && error.contains("lables"),
            "{error}"
        );
        assert!(read(&folder.path().join("none.toml")).is_err());
    }
}
