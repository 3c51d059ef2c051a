import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { providerUrlProblem } from "./provider-url.ts";

const deployed = (url: string) => providerUrlProblem({ url, local: false });
const atHome = (url: string) => providerUrlProblem({ url, local: true });

describe("a provider's URL that came over the API", () => {
  it.each([
    "https://api.openai.com/v1",
    "https://8.8.8.8/v1",
    "https://172.15.0.1",
    "https://172.32.0.1",
    "https://100.63.0.1",
    "https://[2606:4700::1111]/v1",
    "https://[::ffff:8.8.8.8]/v1",
    "https://my-resource.openai.azure.com/openai/v1",
    "https://localhost.run/v1",
  ])("%s is taken", (url) => {
    expect(deployed(url)).toBeNull();
    expect(atHome(url)).toBeNull();
  });

  it.each([
    ["loopback", "https://127.0.0.1/v1"],
    ["loopback, another", "https://127.255.1.2/v1"],
    ["loopback, short", "https://127.1/v1"],
    ["loopback in decimal", "https://2130706433/v1"],
    ["loopback in octal", "https://0177.0.0.1/v1"],
    ["loopback in hex", "https://0x7f000001/v1"],
    ["loopback in hex parts", "https://0x7f.0x0.0x0.0x1/v1"],
    ["loopback with a trailing dot", "https://127.0.0.1./v1"],
    ["loopback in full-width digits", "https://１２７.０.０.１/v1"],
    ["loopback, percent-encoded", "https://%31%32%37.0.0.1/v1"],
    ["loopback in IPv6", "https://[::1]/v1"],
    ["loopback in IPv6, long", "https://[0:0:0:0:0:0:0:1]/v1"],
    ["loopback, mapped", "https://[::ffff:127.0.0.1]/v1"],
    ["loopback, mapped in hex", "https://[::ffff:7f00:1]/v1"],
    ["loopback, compatible", "https://[::127.0.0.1]/v1"],
    ["loopback, translated", "https://[64:ff9b::127.0.0.1]/v1"],
    ["loopback by 6to4", "https://[2002:7f00:1::]/v1"],
    ["loopback by name", "https://localhost/v1"],
    ["loopback by name, any case and dot", "https://LocalHost./v1"],
    ["loopback by a name below it", "https://a.localhost/v1"],
    ["every address of the machine", "https://0.0.0.0/v1"],
    ["every address of the machine, short", "https://0/v1"],
    ["every address in IPv6", "https://[::]/v1"],
    ["private, 10", "https://10.1.2.3/v1"],
    ["private, 172.16", "https://172.16.0.1/v1"],
    ["private, 172.31", "https://172.31.255.255/v1"],
    ["private, 192.168", "https://192.168.1.1/v1"],
    ["a carrier's", "https://100.64.0.1/v1"],
    ["private in IPv6", "https://[fd12:3456::1]/v1"],
    ["link-local in IPv6", "https://[fe80::1]/v1"],
    ["multicast", "https://224.0.0.1/v1"],
    ["broadcast", "https://255.255.255.255/v1"],
    ["documentation", "https://[2001:db8::1]/v1"],
    ["Teredo", "https://[2001:0:1::1]/v1"],
    ["a single word", "https://router/v1"],
    ["a network's own name", "https://vault.internal/v1"],
    ["a printer's kind of name", "https://ollama.local/v1"],
  ])("threat: %s (%s) is refused by a deployed gateway, and taken by a local one", (_name, url) => {
    expect(deployed(url)).toContain("private");
    expect(atHome(url)).toBeNull();
  });

  it.each([
    ["AWS, Azure and Google", "https://169.254.169.254/latest"],
    ["the same in decimal", "https://2852039166/latest"],
    ["the same, mapped", "https://[::ffff:169.254.169.254]/latest"],
    ["AWS in IPv6", "https://[fd00:ec2::254]/latest"],
    ["Google by name", "https://metadata.google.internal/computeMetadata"],
    ["Alibaba", "https://100.100.100.200/latest"],
    ["Azure's wire server", "https://168.63.129.16/machine"],
  ])("threat: metadata of %s (%s) is refused everywhere", (_name, url) => {
    expect(deployed(url)).not.toBeNull();
    expect(atHome(url)).toContain("metadata");
  });

  it.each([
    ["no URL", "api.openai.com", "no URL"],
    ["another scheme", "file:///etc/passwd", "https"],
    ["a scheme that runs", "javascript:alert(1)", "https"],
    ["credentials in the URL", "https://user:key@api.openai.com", "user name"],
    ["a host behind credentials", "https://api.openai.com@127.0.0.1", "user name"],
    ["a query", "https://api.openai.com/v1?x=", "query"],
    ["an empty query", "https://api.openai.com/v1?", "query"],
    ["a fragment that hides the path", "https://api.openai.com/v1#", "fragment"],
    ["no TLS to the Internet", "http://api.openai.com/v1", "https"],
    ["an endless URL", `https://a.com/${"x".repeat(3_000)}`, "longer"],
  ])("threat: %s is refused everywhere", (_name, url, why) => {
    expect(deployed(url)).toContain(why);
    expect(atHome(url)).toContain(why);
  });

  it("threat: http to the own machine is refused by a deployed gateway", () => {
    expect(deployed("http://127.0.0.1:11434/v1")).not.toBeNull();
    expect(atHome("http://127.0.0.1:11434/v1")).toBeNull();
    expect(atHome("http://192.168.1.20:8000/v1")).toBeNull();
  });

  it("threat: no notation of a private address gets through", () => {
    const notations = (address: number): string[] => {
      const bytes = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255);
      const hex = address.toString(16).padStart(8, "0");
      return [
        bytes.join("."),
        String(address),
        `0x${hex}`,
        `0${address.toString(8)}`,
        bytes.map((byte) => `0${byte.toString(8)}`).join("."),
        `${bytes[0]}.${((bytes[1] ?? 0) << 16) + ((bytes[2] ?? 0) << 8) + (bytes[3] ?? 0)}`,
        `[::ffff:${bytes.join(".")}]`,
        `[::ffff:${hex.slice(0, 4)}:${hex.slice(4)}]`,
        `[64:ff9b::${hex.slice(0, 4)}:${hex.slice(4)}]`,
      ];
    };
    const inRange = fc.oneof(
      ...[
        [0x0a000000, 0xffffff],
        [0x7f000000, 0xffffff],
        [0xac100000, 0xfffff],
        [0xc0a80000, 0xffff],
        [0xa9fe0000, 0xffff],
      ].map(([from = 0, span = 0]) => fc.integer({ min: 0, max: span }).map((offset) => from + offset)),
    );
    fc.assert(
      fc.property(inRange, (address) => {
        for (const host of notations(address)) expect(deployed(`https://${host}/v1`)).not.toBeNull();
      }),
    );
  });
});
