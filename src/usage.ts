/** What `docusign-governor --help` says. */
export const USAGE = `docusign-governor: keeps every app inside the rules of the DocuSign eSignature API

Usage:
  docusign-governor serve [--config FILE]      run the governor
  docusign-governor check [--config FILE]      validate and print the settings in force
  docusign-governor simulator [--port N] …     run the DocuSign simulator (--help shows its knobs)
  docusign-governor demo [--for SECONDS] …     simulator, governor and sample apps together (--help)
  docusign-governor trace import FILE… …       make a trace of access logs (--help)
  docusign-governor --help | --version

Settings: config/default.yaml lists them all. --config overlays it, environment variables (GOVERNOR_LISTEN_PORT=8081)
overlay both. SIGHUP reloads the files.
`
