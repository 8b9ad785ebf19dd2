//! placeholder
pub fn order(_path: &str, objects: &[serde_json::Value]) -> Result<Vec<usize>, String> {
    Ok((0..objects.len()).collect())
}
