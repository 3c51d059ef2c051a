import { describe, expect, it } from "vitest";
import { secretSurrogate } from "./secret-surrogate.ts";
import { found } from "./testing/found.ts";

// Put together here, so that nothing in this file is taken for a secret.
const of = (prefix: string, length: number): string =>
  prefix + "a1B2c3D4e5F6g7H8".repeat(20).slice(0, length);
const hex = (prefix: string, length: number): string =>
  prefix + "0a1b2c3d4e5f6789".repeat(8).slice(0, length);
const JWT = `eyJ${"hbGciOiJIUzI1NiJ9".slice(0, 17)}.eyJ${"zdWIiOiIxMjM0NTY3ODkw"}.${"c2lnbmF0dXJlLXNpZw"}`;
const PEM = `-----BEGIN ${"RSA "}PRIVATE KEY-----\nMIIEow${"AbC0".repeat(30)}\n-----END ${"RSA "}PRIVATE KEY-----`;

describe("secrets that are known by how they begin", () => {
  it.each([
    ["AWS", `AKIA${"Q7WE5RTY2UIOPAS3"}`],
    ["GitHub", of("ghp_", 36)],
    ["GitHub, fine-grained", of("github_pat_", 82)],
    ["GitLab", of("glpat-", 20)],
    ["Slack", of("xoxb-", 50)],
    ["Stripe", of("sk_live_", 24)],
    ["OpenAI", of("sk-", 48)],
    ["OpenAI, of a project", of("sk-proj-", 120)],
    ["Anthropic", of("sk-ant-api03-", 95)],
    ["Google", of("AIza", 35)],
    ["SendGrid", `SG.${of("", 22)}.${of("", 43)}`],
    ["Twilio", hex("SK", 32)],
    ["npm", of("npm_", 36)],
    ["Hugging Face", of("hf_", 34)],
    ["Routelet", of("rl_", 39)],
    ["a JSON Web Token", JWT],
    ["a private key", PEM],
    ["a private key, escaped", PEM.replaceAll("\n", "\\n")],
  ])("%s", (_name, secret) => {
    for (const text of [secret, `use ${secret}, now`, `{"key":"${secret}"}`, `x=${secret}\ny`])
      expect(found(text)).toEqual([`secret ${secret}`]);
    const surrogate = secretSurrogate(secret, (shape) => shape.replace(/[a-z]/g, "b").replace(/\d/g, "2"));
    expect(surrogate).toHaveLength(secret.length);
    expect(surrogate).not.toBe(secret);
  });

  it.each([
    ["a placeholder", `sk-${"x".repeat(48)}`],
    ["a name", "sk-learn-something, sk_test_results, npm_config_registry"],
    ["too short", of("ghp_", 35)],
    ["a hash", hex("", 64)],
    ["a public key", `-----BEGIN ${"PUBLIC"} KEY-----\nMIIB\n-----END ${"PUBLIC"} KEY-----`],
    ["a UUID", "550e8400-e29b-41d4-a716-446655440000"],
    ["base64 of an object", "eyJhIjoxfQ=="],
  ])("not %s", (_name, text) => {
    expect(found(text)).toEqual([]);
  });

  it("a private key without an end is one as far as it goes", () => {
    const open = `-----BEGIN ${"EC "}PRIVATE KEY-----\nMHcCAQEE${"Ab0".repeat(20)}`;
    expect(found(`${open} (cut)`)).toEqual([`secret ${open} `]);
  });
});

describe("secrets that are known by the name before them", () => {
  it.each([
    ["a variable", "export DB_PASSWORD=hunter22", "hunter22"],
    ["a field", '{"password": "hunter"}', "hunter"],
    ["a field, escaped", '{\\"password\\": \\"hunter\\"}', "hunter"],
    ["a setting", "password: tr0ub4dor&3", "tr0ub4dor&3"],
    ["a parameter", "user=x;Password=abc123def;", "abc123def"],
    ["code", "const apiKey = 'f3a9c1e07b5d4826';", "f3a9c1e07b5d4826"],
    [
      "AWS",
      `aws_secret_access_key = ${"wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzz1234"}`,
      "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzz1234",
    ],
    ["a header", "Authorization: Bearer abc123def456ghi789", "abc123def456ghi789"],
    ["a header, in prose", "send Bearer abc123def456ghi789.", "abc123def456ghi789"],
    ["a sign first", "password=%hP4dT5w2Ty1", "%hP4dT5w2Ty1"],
    ["said", "my password is Tr0ub4dor! and", "Tr0ub4dor!"],
  ])("%s", (_name, text, secret) => {
    expect(found(text)).toEqual([`secret ${secret}`]);
  });

  it.each([
    ["prose", "Password: required. The password is wrong. Token: missing. password: required!"],
    ["code", "password = getPassword(); token = self.token; password = user_password"],
    ["types", "password: string, secret: Optional, apiKey: str"],
    ["placeholders", "password=<password> password=$PASSWORD api_key=YOUR_API_KEY password=********"],
    [
      "counts and cursors",
      "max_tokens=4096 next_page_token=abc123def456ghi789 token_type=bearer1234567890ab",
    ],
    ["schemas", '{"password":{"type":"string"},"token":"string"}'],
    ["the name again", "login(password=password, secret=secret)"],
    ["words", "Basic understanding of bearer tokens"],
  ])("not %s", (_name, text) => {
    expect(found(text)).toEqual([]);
  });
});
