//! Every row of the table of allocators, with lines that are its message and lines that only look like it.
//! The lines are as the programs print them; nothing here starts one.

use super::*;

/// Row, text, and whether it counts after exit status 0 too.
const MESSAGES: &[(&str, &str, bool)] = &[
    (
        "Python",
        "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    x = [0] * n\nMemoryError\n",
        true,
    ),
    ("Python", "  File \"a.py\", line 1, in <module>\nMemoryError: cannot allocate 8 bytes", true),
    ("Python", "E   MemoryError\n", false),
    ("Python", "FAILED tests/test_a.py::test_big - MemoryError\n", false),
    ("Python", "MemoryError\n", false),
    (
        "NumPy",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 7.28 TiB for an array with shape (1000000, 1000000) and data type float64\n",
        true,
    ),
    (
        "NumPy",
        "Unable to allocate 7.45 GiB for an array with shape (1000000000,) and data type int64\n",
        true,
    ),
    (
        "NumPy",
        "[worker 3] Unable to allocate 512. MiB for an array with shape (8192, 8192) and data type float64 (skipped)\n",
        false,
    ),
    (
        "C++",
        "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n",
        true,
    ),
    (
        "C++",
        "libc++abi: terminating due to uncaught exception of type std::bad_alloc: std::bad_alloc\n",
        true,
    ),
    ("C++", "error: std::bad_alloc\n", true),
    ("C++", "std::bad_alloc\n", false),
    (
        "PyTorch (CPU)",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)\n",
        true,
    ),
    (
        "PyTorch (CPU)",
        "RuntimeError: [enforce fail at ..\\c10\\core\\CPUAllocator.cpp:72] data. DefaultCPUAllocator: not enough memory: you tried to allocate 602112 bytes. Buy new RAM!\n",
        true,
    ),
    (
        "PyTorch (CPU)",
        "step 3 failed (DefaultCPUAllocator: not enough memory: you tried to allocate 602112 bytes)\n",
        false,
    ),
    (
        "PyTorch (GPU)",
        "RuntimeError: CUDA out of memory. Tried to allocate 192.00 MiB (GPU 0; 10.76 GiB total capacity)\n",
        true,
    ),
    (
        "PyTorch (GPU)",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 10.76 GiB\n",
        true,
    ),
    ("PyTorch (GPU)", "worker 0: CUDA out of memory\n", false),
    (
        "PyTorch (exception)",
        "    x = torch.empty(n)\ntorch.cuda.OutOfMemoryError: Allocation on device\n",
        true,
    ),
    ("PyTorch (exception)", "OutOfMemoryError\n", false),
    ("CUDA", "RuntimeError: CUDA error: out of memory\n", true),
    ("CUDA", "E0101 failed: CUDA_ERROR_OUT_OF_MEMORY: out of memory\n", false),
    (
        "XLA",
        "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1000000 bytes.\n",
        true,
    ),
    ("XLA", "2026-01-01 W bfc: RESOURCE_EXHAUSTED: Out of memory allocating 1000000 bytes.\n", false),
    ("Rust", "memory allocation of 1073741824 bytes failed\n", true),
    ("Rust", "test big ... memory allocation of 1073741824 bytes failed\n", false),
    ("Go", "fatal error: runtime: out of memory\n", true),
    ("Go", "runtime: out of memory: cannot allocate 8589934592-byte block (66781184 in use)\n", true),
    ("Go", "worker: runtime: out of memory while sorting\n", false),
    (
        "Java",
        "Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n\tat A.main(A.java:3)\n",
        true,
    ),
    ("Java", "Caused by: java.lang.OutOfMemoryError: GC overhead limit exceeded\n", true),
    ("Java", "[ERROR] java.lang.OutOfMemoryError\n", false),
    ("Java VM", "#\n# There is insufficient memory for the Java Runtime Environment to continue.\n", true),
    ("Java VM", "error: There is insufficient memory for the Java Runtime Environment to continue\n", false),
    ("V8", "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n", true),
    ("V8", "FATAL ERROR: CALL_AND_RETRY_LAST Allocation failed - JavaScript heap out of memory\n", true),
    ("V8", "[7:0x55] FATAL: Allocation failed - JavaScript heap out of memory\n", false),
    ("R", "Error: cannot allocate vector of size 7.5 Gb\n", true),
    ("R", "In f(x) : cannot allocate vector of size 7.5 Gb\n", false),
    (
        "libiberty and LLVM",
        "cc1plus: out of memory allocating 65536 bytes after a total of 1200128 bytes\n",
        true,
    ),
    ("libiberty and LLVM", "LLVM ERROR: out of memory\n", true),
    ("libiberty and LLVM", "out of memory allocating 65536 bytes\n", false),
    ("GNU", "virtual memory exhausted: Cannot allocate memory\n", false),
    ("GNU", "cc1: virtual memory exhausted: Cannot allocate memory\n", true),
    ("GNU", "sort: memory exhausted\n", false),
    ("the C library", "sh: 1: Cannot fork: Cannot allocate memory\n", false),
    ("the C library", "OSError: [Errno 12] Cannot allocate memory\n", false),
    ("the C library", "error: Cannot allocate memory (os error 12)\n", false),
];

/// Lists, listings and prose of good runs: nothing of it may count after exit status 0.
const GOOD: &[&str] = &[
    "test memory::test_memoryerror_is_handled ... ok\n",
    "tests/test_a.py::test_MemoryError PASSED\n",
    "tests::std::bad_alloc: test\n",
    "    except MemoryError:\n        raise MemoryError(\"too big\")\n",
    "LookupError\nMemoryError\nNameError\n",
    "    raise MemoryError\n",
    "12:MemoryError: cannot allocate\n",
    "} catch (const std::bad_alloc& error) {\n",
    "U std::bad_alloc::what() const\n                 U typeinfo for std::bad_alloc\n",
    "src/a.py:12: raise RuntimeError('CUDA out of memory. Tried to allocate 2 GiB')\n",
    "    \"Unable to allocate {size} for an array with shape {shape} and data type {dtype}\"\n",
    "handles \"CUDA error: out of memory\" and `DefaultCPUAllocator: can't allocate memory`\n",
    "+    panic!(\"memory allocation of {} bytes failed\", size);\n",
    "// memory allocation of 8 bytes failed\n",
    "\tthrow(\"runtime: out of memory\")\n",
    "  java.lang.OutOfMemoryError is thrown by the VM\n",
    "catch (java.lang.OutOfMemoryError e)\n",
    "## Might help to avoid FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory\n",
    "ENOMEM: Cannot allocate memory\nENOMEM 12 Cannot allocate memory\n",
    "note: mmap: Cannot allocate memory\n",
    "the GPU was never out of memory\n",
];

/// What even a failed run may print without having run out of memory.
const FAILED_OTHERWISE: &[&str] = &[
    "test memory::test_memoryerror_is_handled ... FAILED\n",
    "FAILED tests/test_a.py::test_memoryerror_is_handled - AssertionError\n",
    "    except MemoryError:\n",
    "    x = MemoryError(\"no\")\n",
    "assert 'CUDA out of memory' in text\n",
    "expected `java.lang.OutOfMemoryError`\n",
    "} catch (const std::bad_alloc& error) {\n",
    "error: expected ';' after 'memory allocation of 8 bytes failed here'\n",
    "assert strerror(12) == \"Cannot allocate memory\"\n",
    "\tthrow(\"runtime: out of memory\")\n",
];

fn seen(text: &str, firm_only: bool) -> Option<Sighting> {
    search(text.as_bytes(), firm_only).expect("readable")
}

#[test]
fn every_row_knows_its_message_and_only_firm_ones_count_after_a_good_end() {
    for (row, text, firm) in MESSAGES {
        let found = seen(text, false).unwrap_or_else(|| panic!("{row}: not seen: {text}"));
        assert_eq!(found.allocator, *row, "{text}");
        assert_eq!(seen(text, true).is_some(), *firm, "{row}: {text}");
    }
}

#[test]
fn every_row_has_a_source_messages_and_expressions_that_compile() {
    for forms in FORMS.iter() {
        let row = forms.row;
        assert!(!row.source.is_empty() && !row.needle.is_empty());
        assert_eq!(forms.firm.is_some(), !row.firm.is_empty(), "{}", row.name);
        assert!(forms.loose.is_some(), "{}", row.name);
        let messages = MESSAGES.iter().filter(|(name, ..)| *name == row.name);
        assert!(messages.clone().any(|(.., firm)| !firm), "{}: a loose message", row.name);
        assert_eq!(messages.clone().any(|(.., firm)| *firm), !row.firm.is_empty(), "{}", row.name);
    }
}

#[test]
fn lists_of_tests_and_listings_are_no_end_of_memory() {
    for text in GOOD {
        assert_eq!(seen(text, true), None, "{text}");
    }
    for text in FAILED_OTHERWISE {
        assert_eq!(seen(text, false), None, "{text}");
    }
}

#[test]
fn this_table_and_its_tests_as_a_listing_are_no_end_of_memory() {
    for listing in [include_str!("allocator.rs"), include_str!("allocator_tests.rs")] {
        assert_eq!(seen(listing, true), None);
    }
}

#[test]
fn an_error_of_a_plugin_is_understood_too() {
    assert_eq!(told_of("step 3: CUDA out of memory. Tried to allocate 2.00 GiB"), Some("PyTorch (GPU)"));
    assert_eq!(told_of("the villain fails, as it was told"), None);
}

#[test]
fn the_first_line_that_counts_is_named_wherever_reads_end() {
    let filler = "x".repeat(99) + "\n";
    let lines = CHUNK / filler.len();
    for lines in [0, 1, lines - 1, lines, lines + 1, 3 * lines] {
        let text = filler.repeat(lines)
            + "  File \"a.py\", line 1\nMemoryError\r\nmemory allocation of 8 bytes failed\n";
        let found = seen(&text, true).expect("seen");
        assert_eq!((found.allocator, found.line), ("Python", lines as u64 + 2));
        assert_eq!(found.text, "MemoryError");
    }
}

#[test]
fn data_without_lines_is_searched_once_and_is_no_message() {
    let mut data = vec![b'x'; 3 * CHUNK + 17];
    data.extend_from_slice(b"memory allocation of 8 bytes failed");
    assert_eq!(search(data.as_slice(), false).expect("readable"), None);
    // Where a read ends is no beginning of a line.
    data.truncate(2 * CHUNK);
    data.extend_from_slice(b"memory allocation of 8 bytes failed");
    assert_eq!(search(data.as_slice(), true).expect("readable"), None);
}
