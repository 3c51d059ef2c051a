import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { installService, uninstallService } from "./manage-service.ts";
import { planService, type ServicePlan, type ServiceStep } from "./service-plan.ts";

const PROGRAM = {
  command: ["/opt/my node/bin/node", "/srv/50% off/cli.js", "run"],
  folder: "/home/me/state",
  env: { ROUTELET_STATE: '/home/me/a "b"', PRICE: "$5 & <6>" },
};

function plan(platform: NodeJS.Platform, home = "/home/me"): ServicePlan {
  const found = planService({
    platform,
    home,
    uid: 501,
    stateFolder: platform === "win32" ? "C:\\Users\\me\\state" : "/home/me/state",
    env: {},
    program: PROGRAM,
  });
  if (found === null) throw new Error("no plan");
  return found;
}

describe("the files", () => {
  test("systemd: paths with spaces, percent signs and quotes are what they were", () => {
    const { files, install, uninstall } = plan("linux");
    expect(files[0]?.path).toBe("/home/me/.config/systemd/user/routelet-node.service");
    const lines = files[0]?.text.split("\n") ?? [];
    for (const line of [
      'ExecStart="/opt/my node/bin/node" "/srv/50%% off/cli.js" "run"',
      'Environment="ROUTELET_STATE=/home/me/a \\"b\\""',
      'Environment="PRICE=$5 & <6>"',
      "Restart=on-failure",
      "RestartPreventExitStatus=3 5 6",
      "WantedBy=default.target",
    ])
      expect(lines).toContain(line);
    expect(install.map(({ args }) => args.join(" "))).toEqual([
      "--user daemon-reload",
      "--user enable routelet-node.service",
      "--user restart routelet-node.service",
    ]);
    expect(uninstall[0]?.args).toEqual(["--user", "disable", "--now", "routelet-node.service"]);
  });

  test("launchd: valid XML, started at login and again after a failure", () => {
    const { files, install, uninstall } = plan("darwin", "/Users/me");
    expect(files[0]?.path).toBe("/Users/me/Library/LaunchAgents/dev.routelet.node.plist");
    expect(files[0]?.text).toContain("<string>/srv/50% off/cli.js</string>");
    expect(files[0]?.text).toContain("<key>PRICE</key>\n    <string>$5 &amp; &lt;6&gt;</string>");
    expect(files[0]?.text).toContain("<key>SuccessfulExit</key>\n    <false/>");
    expect(install.at(-1)?.args).toEqual(["bootstrap", "gui/501", files[0]?.path]);
    expect(uninstall[0]).toMatchObject({ args: ["bootout", "gui/501/dev.routelet.node"], mayFail: true });
  });

  test("Windows: a task without an administrator, and a script that sets the environment", () => {
    const { files, install } = plan("win32");
    const [script, task] = files;
    expect(script?.text.split("\r\n")).toEqual(
      expect.arrayContaining([
        'set "PRICE=$5 & <6>"',
        '"/opt/my node/bin/node" "/srv/50%% off/cli.js" "run" 2>>"C:\\Users\\me\\state\\node.log"',
      ]),
    );
    expect(task).toMatchObject({ encoding: "utf16le", text: expect.stringMatching(/^\ufeff<\?xml/) });
    expect(task?.text).toContain('/d /c "C:\\Users\\me\\state\\service.cmd"');
    expect(install.map(({ args }) => args[0])).toEqual(["/End", "/Create", "/Run"]);
  });

  test("other systems have none", () => {
    const options = { home: "/", uid: 0, stateFolder: "/", env: {}, program: PROGRAM };
    expect(planService({ ...options, platform: "freebsd" })).toBeNull();
  });
});

describe("installing and removing", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "routelet-service-"));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));
  const failing = (error: object, at: (step: ServiceStep) => boolean) => async (step: ServiceStep) => {
    if (at(step)) throw Object.assign(new Error("failed"), error);
  };

  test("writes, enables and starts; then ends and removes", async () => {
    const service = plan("linux", home);
    const path = service.files[0]?.path ?? "";
    const ran: string[] = [];
    const run = async (step: ServiceStep) => void ran.push(`${step.args[1]} ${existsSync(path)}`);
    await installService(service, run);
    expect(await readFile(path, "utf8")).toContain("[Service]");
    await uninstallService(service, run);
    expect(ran).toEqual([
      "daemon-reload true",
      "enable true",
      "restart true",
      "disable true",
      "daemon-reload false",
    ]);
    expect(existsSync(path)).toBe(false);
  });

  test.each<[string, object, RegExp]>([
    ["no systemctl", { code: "ENOENT" }, /there is no systemctl on this machine.*own supervisor.*--print/],
    [
      "no user manager",
      { stderr: "Failed to connect to bus: No medium found\n" },
      /Failed to connect to bus.*Log in on the machine itself.*--print/,
    ],
    [
      "a refusal",
      { stderr: "Access denied\n" },
      /systemd: Access denied.*run: systemctl --user daemon-reload/,
    ],
  ])("%s: says what is written already and what to do", async (_name, error, message) => {
    const service = plan("linux", home);
    const installing = installService(
      service,
      failing(error, () => true),
    );
    await expect(installing).rejects.toThrow(message);
    await expect(installing).rejects.toThrow(`Its file is written: ${service.files[0]?.path}`);
  });

  test("removing what is not there is no failure", async () => {
    await uninstallService(
      plan("linux", home),
      failing({ code: 1 }, (step) => step.mayFail === true),
    );
  });
});
