//! The files for container engines, as far as they can be read without one.

use super::{files, folder, text};

const PROGRAM: &str = "vault-plugin-auth-aws";

/// The instructions of a container file that these files use.
const KNOWN: [&str; 4] = ["COPY", "ENTRYPOINT", "FROM", "RUN"];

/// Name and the rest of each instruction.
fn instructions(file: &str) -> Vec<(&str, &str)> {
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap()).collect()
}

#[test]
fn they_start_the_file_that_they_copy() {
    let found = files(&folder().join("container"), "").into_iter();
    let found: Vec<_> = found.filter(|path| path.to_str().unwrap().contains("/Containerfile")).collect();
    assert_eq!(found.len(), 2);
    for path in found {
        let name = path.display();
        let file = text(&path);
        let instructions = instructions(&file);
        assert_eq!(instructions[0].0, "FROM", "{name}");
        for (instruction, _) in &instructions {
            assert!(KNOWN.contains(instruction), "{name}: {instruction}");
        }
        let all =
            |wanted| instructions.iter().filter(move |(name, _)| *name == wanted).map(|(_, rest)| *rest);
        let copied: Vec<&str> = all("COPY").filter(|rest| !rest.starts_with("--from=")).collect();
        assert_eq!(copied, [format!("--chmod=0755 {PROGRAM} /{PROGRAM}")], "{name}");
        for from in all("COPY").filter_map(|rest| rest.strip_prefix("--from=")) {
            let stage = format!("AS {}", from.split(' ').next().unwrap());
            assert!(all("FROM").any(|rest| rest.ends_with(&stage)), "{name}: no stage {stage}");
        }
        let entry: Vec<String> = serde_json::from_str(all("ENTRYPOINT").next().unwrap()).unwrap();
        assert_eq!(entry, [format!("/{PROGRAM}")], "{name}");
        assert!(file.contains("ca-certificates"), "{name}: AWS's certificates could not be verified");
    }
}

/// What is registered is what is built, and what is built is what the release puts there.
#[test]
fn the_commands_name_the_same_image() {
    let readme = text(&folder().join("container/README.md"));
    let tag = readme.split("-t ").nth(1).unwrap().split(' ').next().unwrap();
    let (image, version) = tag.split_once(':').unwrap();
    assert_eq!((image, version), (PROGRAM, env!("CARGO_PKG_VERSION")));
    for line in readme.lines().filter(|line| line.contains("plugin register")) {
        assert!(line.contains(&format!("-oci_image={image} ")), "{line}");
        assert!(line.contains(&format!("-version=v{version} ")), "{line}");
        if let Some(runtime) = line.split("-runtime=").nth(1) {
            let runtime = runtime.split(' ').next().unwrap();
            assert!(readme.contains(&format!("-oci_runtime={runtime} {runtime}\n")), "{line}");
        }
    }
    for built in readme.lines().filter_map(|line| line.strip_prefix("$ docker build -f plugin-catalog/")) {
        let (file, rest) = built.split_once(' ').unwrap();
        assert!(folder().join(file).is_file(), "{built}");
        assert!(rest.ends_with("target/dist/amd64"), "{built}");
        let commented = format!("#   docker build -f plugin-catalog/{built}\n");
        assert!(text(&folder().join(file)).contains(&commented), "{file} says how it is built");
    }
}
