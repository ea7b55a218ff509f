//! Python code and events of a trace: whose they are.
//!
//! The rules of [`crate::origin`] for names that no compiler made. Python's own library and installed packages are
//! runtime, everything else that was written in Python is the kernel, and so are the operations it calls (`aten::...`)
//! and what runs on a device. Called by the readers; plain text rules, never how hot something is.

use crate::origin::Kind;

/// The modules of Python 3.11's own library: profilers show them without their directory.
const LIBRARY: &str = "\
    abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii \
    bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections \
    colorsys compileall concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes \
    curses dataclasses datetime dbm decimal difflib dis distutils doctest email encodings ensurepip enum \
    errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt \
    getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp \
    importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox \
    mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt \
    ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools \
    pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile \
    pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy \
    sched secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket \
    socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep \
    struct subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios \
    textwrap this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty \
    turtle turtledemo types typing unicodedata unittest urllib uu uuid venv warnings wave weakref \
    webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo";
/// Installed packages that profilers show without their directory, too.
const PACKAGES: &str = "torch functorch torchvision torchaudio torch_xla triton numpy scipy pandas jax jaxlib numba \
    tensorflow keras sklearn matplotlib tqdm pytest _pytest pluggy IPython ipykernel setuptools pip sympy networkx \
    transformers accelerate lightning pytorch_lightning h5py PIL yaml requests urllib3 click py_spy viztracer";
const INSTALLED: [&str; 5] =
    ["/site-packages/", "/dist-packages/", "/lib/python", "/lib64/python", "\\site-packages\\"];

/// Is it the file of a Python function?
pub(crate) fn is_python(file: &str) -> bool {
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    matches!(ending, "py" | "pyx") || file.starts_with("<frozen ") || file == "<string>"
}

/// Of a Python function. `file` is as the profiler shows it: whole, or below a directory of `sys.path`.
pub(crate) fn python_kind(file: &str) -> Kind {
    if file.starts_with("<frozen ") || INSTALLED.iter().any(|part| file.contains(part)) {
        return Kind::Runtime;
    }
    let top = file.split(['/', '\\']).next().unwrap_or_default();
    let top = top.strip_suffix(".py").unwrap_or(top);
    let known =
        !top.is_empty() && LIBRARY.split(' ').chain(PACKAGES.split_whitespace()).any(|name| name == top);
    if known { Kind::Runtime } else { Kind::Kernel }
}

/// Of an event of a trace, by its category.
pub(crate) fn event_kind(category: &str, name: &str, file: Option<&str>) -> Kind {
    match category {
        _ if name == "ProfilerStep#*" => Kind::Glue,
        // `<built-in function kernel>` and `cpp_fused_...` are what PyTorch's compiler made of the workload.
        "python_function" if name.starts_with("<built-in ") => {
            let compiled = name == "<built-in function kernel>"
                || name.contains("cpp_fused")
                || name.contains("triton_");
            if compiled { Kind::Kernel } else { Kind::Runtime }
        }
        "cuda_runtime" | "cuda_driver" | "cuda_sync" | "overhead" | "Overhead" => Kind::Runtime,
        _ => file.map_or(Kind::Kernel, python_kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pythons_own_library_and_installed_packages_are_runtime() {
        let runtime = [
            "threading.py",
            "concurrent/futures/thread.py",
            "torch/profiler/profiler.py",
            "/usr/lib/python3.12/json/decoder.py",
            "/p/.venv/lib/python3.12/site-packages/any/a.py",
            "<frozen importlib._bootstrap>",
        ];
        let kernel =
            ["benchmark.py", "nanobrag/simulator.py", "/p/src/json.py", "/tmp/torchinductor_u/ab/cab.py"];
        assert!(runtime.iter().all(|file| python_kind(file) == Kind::Runtime));
        assert!(kernel.iter().all(|file| python_kind(file) == Kind::Kernel));
    }

    #[test]
    fn operations_and_what_was_compiled_are_the_kernel() {
        let of = |category, name| event_kind(category, name, None);
        assert_eq!(of("cpu_op", "aten::mul"), Kind::Kernel);
        assert_eq!(of("kernel", "void at::native::f"), Kind::Kernel);
        assert_eq!(of("python_function", "<built-in function kernel>"), Kind::Kernel);
        assert_eq!(of("python_function", "<built-in function isinstance>"), Kind::Runtime);
        assert_eq!(of("cuda_runtime", "cudaLaunchKernel"), Kind::Runtime);
        assert_eq!(of("user_annotation", "ProfilerStep#*"), Kind::Glue);
    }
}
