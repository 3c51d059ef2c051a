import { EXIT_CODES } from "../node-problem.ts";
import type { ServiceProgram } from "./service-plan.ts";

/** Ends that another start would only repeat. */
const FINAL = [EXIT_CODES.not_joined, EXIT_CODES.refused, EXIT_CODES.already_running].join(" ");

/** A unit of the user's own manager. @see https://www.freedesktop.org/software/systemd/man/systemd.service.html */
export function systemdUnit({ command, folder, env }: ServiceProgram): string {
  const variables = Object.entries(env).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`);
  return `[Unit]
Description=Routelet local node
StartLimitIntervalSec=0

[Service]
ExecStart=${command.map((word) => quoted(word).replaceAll("$", "$$$$")).join(" ")}
WorkingDirectory=${folder.replaceAll("%", "%%")}
${variables.length === 0 ? "" : `${variables.join("\n")}\n`}Restart=on-failure
RestartSec=5
RestartPreventExitStatus=${FINAL}
TimeoutStopSec=30
NoNewPrivileges=yes

[Install]
WantedBy=default.target
`;
}

/** systemd's quoting; a percent sign would begin a specifier. */
function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("%", "%%")}"`;
}
