import { kindOf, LETTER } from "./characters.ts";

const words = (text: string): Set<string> => new Set(text.split(/\s+/));

/** Words beside which a number is one to call, in the languages that are asked for most. */
const CALLED = words(
  `phone phones mobile mobil movil móvil cell cellular cellulare handy fax tel tele telf tél telefon telefono teléfono
   telefoon telefone telefonnummer handynummer rufnummer portable celular call called calling calls dial dialed dialled
   dialing ring rang text texted texting sms whatsapp signal voicemail reach reached reachable hotline pager answer
   answered answering answers message messages msisdn contact registered desk landline 电话 手机 電話`,
);
const CALLED_COMPOUND = /phone(?:number|no|nr)?$|^(?:mobile|fax|contact|callback)(?:number|no|nr)$/;

/** Numbers of something else: the word that stands nearer decides. */
const COUNTED = words(
  `order orders invoice ticket case tracking account acct ref reference serial part item sku version build id customer
   policy batch lot zip postal amount total price card cc passport license licence iban isbn port task job row rows seq
   orderid ticketid userid 编号 订单`,
);

/** Words that may stand between. */
const BETWEEN = words(
  `me us him her them at on is no nr num number now back to under auf au al unter via from or and for a the my his her
   your our please`,
);

const LONGEST_WORD = 24;
const MOST_WORDS = 5;
/** Between two words, and between the last and the number. UTF-16 units. */
const LONGEST_GAP = 8;

const NEWLINE = 0x0a;
const COLON = 0x3a;

const isIdeograph = (code: number): boolean => code >= 0x3400 && code < 0xa000;
const isLetter = (code: number): boolean => kindOf(code) === LETTER && code !== 0x5f;

/** What the words before a number say of it. */
export function sortBefore(text: string, start: number): "called" | "counted" | "unsaid" {
  let at = start;
  for (let count = 0; count < MOST_WORDS; count++) {
    const end = endOfWordBefore(text, at);
    if (end === null) return "unsaid";
    at = startOfWord(text, end);
    const word = text.slice(at, end).toLowerCase();
    if (COUNTED.has(word)) return "counted";
    if (CALLED.has(word) || CALLED_COMPOUND.test(word)) return "called";
    if (!BETWEEN.has(word)) return "unsaid";
  }
  return "unsaid";
}

/** A line feed parts a number from a word, unless the word is its heading. */
function endOfWordBefore(text: string, at: number): number | null {
  let isNextLine = false;
  const limit = Math.max(0, at - LONGEST_GAP);
  for (let end = at; end > limit; end--) {
    const code = text.charCodeAt(end - 1);
    if (isLetter(code) || isIdeograph(code)) return isNextLine ? null : end;
    if (code === NEWLINE) isNextLine = true;
    if (code === COLON) isNextLine = false;
  }
  return null;
}

function startOfWord(text: string, end: number): number {
  const most = isIdeograph(text.charCodeAt(end - 1)) ? 2 : LONGEST_WORD;
  const isPart = most === 2 ? isIdeograph : isLetter;
  let at = end;
  while (at > 0 && end - at < most && isPart(text.charCodeAt(at - 1))) at--;
  return at;
}
