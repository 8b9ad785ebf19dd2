//! `daymark man`

use crate::process::{command, finish};

/// `man.page`
#[test]
fn the_manual_is_a_page() {
    let run = finish(&mut command(&["man"]));
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(run.out.contains(".TH daymark 1") && run.out.contains("daymark\\-get(1)"), "{}", run.out);
    assert!(!run.out.contains("__complete"), "{}", run.out);
}

/// `man.folder` `man.folder-unwritable`
#[test]
fn each_command_has_a_page_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    let pages = pages.to_str().unwrap();
    finish(&mut command(&["man", "--output-directory", pages])).expect(0, "", "");
    let read = |name: &str| std::fs::read_to_string(format!("{pages}/{name}")).unwrap();
    assert!(read("daymark.1").contains("\\-\\-address"));
    let get = read("daymark-get.1");
    assert!(get.contains(".TH daymark\\-get 1") || get.contains(".TH daymark-get 1"), "{get}");
    assert!(get.contains("\\-\\-field\\-selector") && !get.contains("\\-\\-address"), "{get}");
    assert!(read("daymark-gate-open.1").contains("\\-\\-await\\-arming"));
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    finish(&mut command(&["man", "--output-directory", file])).expect_problem(2, &[file, "another folder"]);
}
