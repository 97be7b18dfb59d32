//! Reads the sources of the workspace, for the tests that hold them to what `ARCHITECTURE.md` claims.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The packages of the workspace, by their folders.
pub const PACKAGES: [&str; 11] = [
    "benches",
    "chaos",
    "checker",
    "engine",
    "http",
    "load",
    "peers",
    "persistence",
    "server",
    "sim",
    "tidy",
];

/// A source file.
pub struct Source {
    /// From the root of the workspace.
    pub path: PathBuf,
    /// Its lines.
    pub lines: Vec<String>,
}

impl Source {
    /// Its lines without the module of its tests.
    pub fn production(&self) -> &[String] {
        if self.path.ends_with("tests.rs") {
            return &[];
        }
        let tests = self
            .lines
            .windows(2)
            .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod tests {"));
        &self.lines[..tests.unwrap_or(self.lines.len())]
    }
}

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is around this package")
}

/// All Rust files below a folder of the workspace, in order.
pub fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            let lines = text.lines().map(str::to_owned).collect();
            found.push(Source { path: path.strip_prefix(root()).unwrap_or(&path).to_owned(), lines });
        }
    }
}

/// A module by its path, such as `actor::gate`; the root is empty.
pub type Module = String;

/// Which modules of a package each of its modules names, in production code.
pub fn imports(package: &str) -> BTreeMap<Module, BTreeSet<Module>> {
    let sources = sources(&format!("{package}/src"));
    let modules: BTreeSet<Module> = sources.iter().map(module_of).collect();
    let mut imports: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for source in &sources {
        let module = module_of(source);
        for path in paths(source) {
            let Some(path) = absolute(&module, &path) else { continue };
            let target = nearest(&modules, &path);
            if !is_family(&module, &target) {
                imports.entry(module.clone()).or_default().insert(target);
            }
        }
    }
    imports
}

/// A module and those within it are one thing.
fn is_family(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner == outer
            || outer.is_empty()
            || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with("::"))
    };
    within(one, other) || within(other, one)
}

fn module_of(source: &Source) -> Module {
    let path = source.path.with_extension("");
    let names: Vec<_> = path.iter().skip(2).map(|name| name.to_string_lossy().into_owned()).collect();
    let names = names.join("::");
    match names.as_str() {
        "lib" | "main" => String::new(),
        _ => names.trim_end_matches("::mod").to_owned(),
    }
}

/// The paths that begin with `crate`, `super` or `self`, of imports and elsewhere; a group gives several.
fn paths(source: &Source) -> Vec<String> {
    let code = source.production().iter().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.cloned().collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let begins_a_path = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if begins_a_path {
                expand("", &code[at..], &mut found);
            }
        }
    }
    found
}

/// `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(before: &str, code: &str, found: &mut Vec<String>) {
    let end = code.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(code.len());
    let path = format!("{before}{}", &code[..end]);
    if !code[end..].starts_with('{') {
        return found.push(path);
    }
    let (mut depth, mut item) = (0, end + 1);
    for (at, character) in code[end..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 1 && character == ',' || depth == 0 {
            let inner = code[item..end + at].trim();
            if !inner.is_empty() {
                expand(&path, inner, found);
            }
            item = end + at + 1;
        }
        if depth == 0 {
            break;
        }
    }
}

fn absolute(module: &str, path: &str) -> Option<String> {
    if let Some(rest) = path.strip_prefix("crate::") {
        return Some(rest.to_owned());
    }
    let (mut base, mut rest) = (module, path);
    while let Some(after) = rest.strip_prefix("super::") {
        base = base.rsplit_once("::").map_or("", |(parent, _)| parent);
        rest = after;
    }
    if base.is_empty() { Some(rest.to_owned()) } else { Some(format!("{base}::{rest}")) }
}

/// The module that a path leads into.
fn nearest(modules: &BTreeSet<Module>, path: &str) -> Module {
    let mut path = path.trim_end_matches("::");
    while !modules.contains(path) {
        path = path.rsplit_once("::").map_or("", |(parent, _)| parent);
    }
    path.to_owned()
}

/// A circle in a graph, if there is one.
pub fn circle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    graph.keys().find_map(|start| walk(graph, start, &mut Vec::new(), &mut done))
}

fn walk(
    graph: &BTreeMap<String, BTreeSet<String>>,
    node: &str,
    way: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    if let Some(begin) = way.iter().position(|earlier| earlier == node) {
        return Some(way[begin..].to_vec());
    }
    if !done.insert(node.to_owned()) {
        return None;
    }
    way.push(node.to_owned());
    let found = graph.get(node).into_iter().flatten().find_map(|next| walk(graph, next, way, done));
    way.pop();
    found
}

/// The functions of a file that have more lines than `most`, by name.
pub fn long_functions(source: &Source, most: usize) -> Vec<(String, usize)> {
    let lines = source.production();
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let Some(length) = lines[first..].iter().position(|line| *line == end) else { continue };
        if length + 1 > most {
            found.push((name, length + 1));
        }
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let words: Vec<_> = line.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "fn")?;
    let is_declaration =
        words[..at].iter().all(|word| word.starts_with("pub") || ["async", "const", "unsafe"].contains(word));
    let name = words.get(at + 1)?;
    let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
    is_declaration.then(|| name[..end].to_owned())
}
