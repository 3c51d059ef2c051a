import { posix, win32 } from "node:path";
import { launchdPlist } from "./launchd.ts";
import { systemdUnit } from "./systemd.ts";
import { windowsScript, windowsTask } from "./windows-task.ts";

/** What the system is to keep running. */
export interface ServiceProgram {
  /** Node.js, the script and its arguments. */
  command: string[];
  folder: string;
  /** No secrets: the files can be read by others. */
  env: Record<string, string>;
}

interface ServiceFile {
  path: string;
  text: string;
  encoding: "utf8" | "utf16le";
}

/** Everything that installing and removing takes, as data. Commands run in order; those that may fail say so. */
export interface ServicePlan {
  system: "systemd" | "launchd" | "Windows Task Scheduler";
  files: ServiceFile[];
  install: ServiceStep[];
  uninstall: ServiceStep[];
  /** What else the owner may want to do. */
  hint: string | null;
}

export interface ServiceStep {
  command: string;
  args: string[];
  /** It fails where there is nothing to end or to remove. */
  mayFail?: boolean;
}

export const SERVICE_NAMES = {
  systemd: "routelet-node.service",
  launchd: "dev.routelet.node",
  windows: "Routelet local node",
} as const;

/** Null where the system is none of the three. */
export function planService(options: {
  platform: NodeJS.Platform;
  home: string;
  /** Of the user; for launchd. */
  uid: number;
  /** The node's state folder. */
  stateFolder: string;
  env: Record<string, string | undefined>;
  program: ServiceProgram;
}): ServicePlan | null {
  const { platform, home, stateFolder, program } = options;
  if (platform === "linux") {
    const name = SERVICE_NAMES.systemd;
    const base = options.env.XDG_CONFIG_HOME || posix.join(home, ".config");
    const path = posix.join(base, "systemd", "user", name);
    const systemctl = (...args: string[]): ServiceStep => ({
      command: "systemctl",
      args: ["--user", ...args],
    });
    return {
      system: "systemd",
      files: [{ path, text: systemdUnit(program), encoding: "utf8" }],
      install: [systemctl("daemon-reload"), systemctl("enable", name), systemctl("restart", name)],
      uninstall: [{ ...systemctl("disable", "--now", name), mayFail: true }, systemctl("daemon-reload")],
      hint: "It runs while you are logged in. To have it run from the machine's start: loginctl enable-linger. Its log: journalctl --user -u routelet-node",
    };
  }
  if (platform === "darwin") {
    const label = SERVICE_NAMES.launchd;
    const path = posix.join(home, "Library", "LaunchAgents", `${label}.plist`);
    const log = posix.join(stateFolder, "node.log");
    const domain = `gui/${options.uid}`;
    const end: ServiceStep = { command: "launchctl", args: ["bootout", `${domain}/${label}`], mayFail: true };
    return {
      system: "launchd",
      files: [{ path, text: launchdPlist({ ...program, label, log }), encoding: "utf8" }],
      install: [end, { command: "launchctl", args: ["bootstrap", domain, path] }],
      uninstall: [end],
      hint: `Its log: ${log}`,
    };
  }
  if (platform !== "win32") return null;
  const script = win32.join(stateFolder, "service.cmd");
  const task = win32.join(stateFolder, "service.xml");
  const log = win32.join(stateFolder, "node.log");
  const name = SERVICE_NAMES.windows;
  const schtasks = (...args: string[]): ServiceStep => ({ command: "schtasks", args });
  return {
    system: "Windows Task Scheduler",
    files: [
      { path: script, text: windowsScript({ ...program, log }), encoding: "utf8" },
      { path: task, text: windowsTask(script), encoding: "utf16le" },
    ],
    install: [
      { ...schtasks("/End", "/TN", name), mayFail: true },
      schtasks("/Create", "/TN", name, "/XML", task, "/F"),
      schtasks("/Run", "/TN", name),
    ],
    uninstall: [
      { ...schtasks("/End", "/TN", name), mayFail: true },
      { ...schtasks("/Delete", "/TN", name, "/F"), mayFail: true },
    ],
    hint: `It runs while you are logged in. Its log: ${log}`,
  };
}
