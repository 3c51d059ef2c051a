import { describe, expect, it } from "vitest";
import { found } from "./testing/found.ts";

describe("addresses of machines", () => {
  it.each([
    ["with a port", "connect 84.17.3.9:8080", "84.17.3.9"],
    ["with a mask", "84.17.3.0/24", "84.17.3.0"],
    ["at the end of a sentence", "It was 84.17.3.9.", "84.17.3.9"],
    ["in a log", "ip=84.17.3.9|x", "84.17.3.9"],
    ["IPv6", "2a00:1450:4001:81b::200e", "2a00:1450:4001:81b::200e"],
    [
      "IPv6, whole",
      "[2001:0db8:85a3:0000:0000:8a2e:0370:7334]:443",
      "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
    ],
    ["IPv6, of the link", "via fe80::1%eth0", "fe80::1"],
    ["IPv6, with an IPv4 address", "64:ff9b::84.17.3.9", "64:ff9b::84.17.3.9"],
  ])("%s", (_name, text, ip) => {
    expect(found(text)).toEqual([`ip ${ip}`]);
  });

  it.each([
    ["a version", "version 1.2.3.4"],
    ["a version after v", "v1.2.3.4"],
    ["a version of a product", "Mozilla/5.0.1.2"],
    ["a pinned package", "numpy==1.2.3.4"],
    ["an octet above 255", "1.2.3.256"],
    ["five numbers", "1.2.3.4.5"],
    ["leading zeros", "01.02.03.04"],
    ["the machine itself", "127.0.0.1 or 0.0.0.0 or ::1"],
    ["a mask", "255.255.255.0"],
    ["a time", "12:30:45"],
    ["a name of a language", "std::string and a::b and dead::beef"],
    ["a MAC address", "00:1a:2b:3c:4d:5e"],
    ["a fingerprint", "SHA1 ab:cd:ef:01:23:45:67:89:ab:cd"],
  ])("not %s", (_name, text) => {
    expect(found(text)).toEqual([]);
  });
});
