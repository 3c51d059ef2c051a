import type { ServiceProgram } from "./service-plan.ts";
import { xmlText } from "./xml-text.ts";

/** Tasks have no environment of their own: a script sets it. In UTF-8, which `chcp` tells the command line. */
export function windowsScript({ command, folder, env, log }: ServiceProgram & { log: string }): string {
  const doubled = (text: string): string => text.replaceAll("%", "%%");
  return [
    "@echo off",
    "chcp 65001 >nul",
    ...Object.entries(env).map(([name, value]) => `set "${name}=${doubled(value)}"`),
    `cd /d "${doubled(folder)}"`,
    `${command.map((word) => `"${doubled(word)}"`).join(" ")} 2>>"${doubled(log)}"`,
    "",
  ].join("\r\n");
}

/**
 * A task that begins when its owner logs on, needs no administrator, and is started again when it fails.
 * @see https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema
 */
export function windowsTask(script: string): string {
  return `\ufeff<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.3" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Routelet local node</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
    </LogonTrigger>
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Hidden>true</Hidden>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>999</Count>
    </RestartOnFailure>
  </Settings>
  <Actions>
    <Exec>
      <Command>cmd.exe</Command>
      <Arguments>/d /c "${xmlText(script)}"</Arguments>
    </Exec>
  </Actions>
</Task>
`.replaceAll("\n", "\r\n");
}
