//! placeholder
use super::Query;
use crate::exit::Failure;
use crate::printer::Printer;
pub struct Expressed;
impl Expressed {
    pub async fn new(_q: &Query<'_>) -> Result<Self, Failure> {
        Err(Failure::usage("x"))
    }
    pub async fn print(&mut self, _p: &mut Printer, _j: &[u8]) -> Result<(), Failure> {
        Ok(())
    }
    pub async fn print_line(&mut self, _p: &mut Printer, _j: &[u8]) -> Result<(), Failure> {
        Ok(())
    }
    pub fn end(&mut self, _p: &mut Printer) -> Result<(), Failure> {
        Ok(())
    }
}
