//! The environment that drivers expect.

/// A folder that does not exist on any system.
#[cfg(target_os = "linux")]
const NOWHERE: &str = "/nonexistent";

/// Sets `XDG_RUNTIME_DIR` if it is missing: on Linux, Mesa's layer that orders devices looks for a
/// desktop there, and prints an error of its own if it is not set. The program executes itself
/// again, in the same process, since a variable cannot be set safely once threads may read it, and
/// drivers read the environment with which the process started.
pub(super) fn complete() {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt;
        use std::path::Path;
        let folder = std::env::var_os("XDG_RUNTIME_DIR");
        if folder.is_some_and(|folder| Path::new(&folder).is_absolute()) {
            return;
        }
        // If the dynamic linker started the program, as in `ld-linux-x86-64.so.2 wgvae`, this is
        // the linker's path.
        let program = std::env::current_exe().unwrap_or_default();
        if program.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-")) {
            return;
        }
        let mut arguments = std::env::args_os();
        let mut command = std::process::Command::new("/proc/self/exe");
        arguments.next().into_iter().for_each(|name| {
            command.arg0(name);
        });
        // `exec` returns only if it fails; then Mesa prints its error.
        let _ = command.args(arguments).env("XDG_RUNTIME_DIR", NOWHERE).exec();
    }
}
