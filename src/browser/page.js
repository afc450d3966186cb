// What the driver does inside a page. It runs in a world of its own: page scripts neither see nor change it.
// Every function resolves to { ok, why?, fatal?, url, title, … }; `fatal` means that waiting longer cannot help.
(() => {
  const LONGEST_TEXT = 20000;

  const no = (why, more) => ({ ok: false, why, ...more });
  const never = why => no(why, { fatal: true });
  // Half a character (a lone surrogate) would spoil the whole answer on its way.
  const whole = text => String(text).toWellFormed();
  const here = () => ({ url: whole(location.href), title: whole(document.title), origin: location.origin });
  const find = (selector, node) => node ?? document.querySelector(selector);
  // A page in the background gets no frames, so a timer keeps it going; one in front must really have drawn.
  const frame = () => new Promise(done => {
    requestAnimationFrame(() => done());
    if (document.hidden) setTimeout(done, 50);
  });

  const named = el => whole(rawName(el));
  const rawName = el => {
    const classes = typeof el.className === 'string' ? el.className.trim().split(/\s+/).filter(Boolean).slice(0, 2) : [];
    return `<${el.localName}${el.id ? '#' + el.id : ''}${classes.map(c => '.' + c).join('')}>`.slice(0, 120);
  };
  const rect = el => [...el.getClientRects()].find(r => r.width > 0 && r.height > 0);
  const visible = el => el.checkVisibility({ checkVisibilityCSS: true }) && !!rect(el);
  const disabled = el => el.matches(':disabled') || !!el.closest('[aria-disabled="true"]');
  const secret = el => el.localName === 'input' && el.type === 'password';

  // The last look waits no longer than this for a page that is not drawn.
  const LAST_FRAME_MS = 250;

  // Looks at once, then after whatever may have changed the answer, until it is yes, never, or time is over.
  const until = (probe, ms) => new Promise(resolve => {
    const end = performance.now() + ms;
    const events = ['load', 'input', 'change', 'transitionend', 'animationend', 'scroll', 'resize'];
    let queued = false, over = false, known = no('was not drawn in time');
    const finish = seen => {
      if (over) return;
      over = true;
      observer.disconnect();
      clearInterval(tick);
      clearTimeout(last);
      for (const name of events) removeEventListener(name, queue, true);
      resolve({ ...seen, ...here() });
    };
    const look = async final => {
      let seen;
      // What the look before saw is then the last that is known.
      const undrawn = () => new Promise(done => setTimeout(() => done(known), LAST_FRAME_MS));
      try {
        seen = await (final ? Promise.race([probe(), undrawn()]) : probe());
      } catch (error) {
        seen = error instanceof DOMException && error.name === 'SyntaxError'
          ? never('is not a CSS selector') : never(`could not be looked at: ${error}`);
      }
      if (seen.ok || seen.fatal || final || performance.now() >= end) finish(seen);
      known = seen;
    };
    const queue = () => {
      if (queued || over) return;
      queued = true;
      frame().then(() => look(false)).then(() => { queued = false; });
    };
    const observer = new MutationObserver(queue);
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    for (const name of events) addEventListener(name, queue, true);
    // Style sheets and layout change without any of these.
    const tick = setInterval(queue, 250);
    const last = setTimeout(() => look(true), Math.max(0, ms));
    look(false);
  });

  const there = (selector, node) => {
    const el = find(selector, node);
    if (!el || !el.isConnected) return no('is not on the page');
    return visible(el) ? { ok: true, el } : no('is on the page but not visible');
  };

  const topmost = (el, x, y) => {
    let hit = el.getRootNode().elementFromPoint?.(x, y) ?? document.elementFromPoint(x, y);
    while (hit?.shadowRoot && hit !== el) {
      const inner = hit.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner === hit) break;
      hit = inner;
    }
    return hit;
  };
  const receives = (el, hit) => hit === el || el.contains(hit) || hit?.closest('label')?.control === el
    || (hit?.shadowRoot && el.getRootNode() === hit.shadowRoot);

  // Visible, enabled, at rest and on top at one of its points.
  const ready = async (selector, node, still) => {
    const seen = there(selector, node);
    if (!seen.ok) return seen;
    const el = seen.el;
    if (disabled(el)) return no('is disabled');
    let box = rect(el);
    if (box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth) {
      el.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
      box = rect(el);
    }
    if (still) {
      await frame();
      const after = rect(el);
      if (!after) return no('is on the page but not visible');
      if (Math.abs(after.top - box.top) > 0.5 || Math.abs(after.left - box.left) > 0.5
        || Math.abs(after.width - box.width) > 0.5 || Math.abs(after.height - box.height) > 0.5) return no('is moving');
    }
    const x = Math.max(0, box.left) + (Math.min(innerWidth, box.right) - Math.max(0, box.left)) / 2;
    const y = Math.max(0, box.top) + (Math.min(innerHeight, box.bottom) - Math.max(0, box.top)) / 2;
    const hit = topmost(el, x, y);
    if (!hit) return no('lies outside the page');
    if (!receives(el, hit)) return no(`is covered by ${named(hit)}`);
    return { ok: true, el, x, y };
  };
  const plain = seen => { const { el, ...rest } = seen; return rest; };

  // What an act is about, as the person sees it who is asked.
  const TOKEN = /csrf|xsrf|token|nonce|authenticity|viewstate/i;
  const NOT_HELD = ['submit', 'button', 'reset', 'image'];
  const isHeld = el => ['input', 'select', 'textarea'].includes(el.localName)
    && !(el.localName === 'input' && (NOT_HELD.includes(el.type) || (el.type === 'hidden' && TOKEN.test(el.name))));
  const fieldValue = el => {
    if (el.localName === 'select') return whole([...el.selectedOptions].map(o => o.value).join(', '));
    if (['checkbox', 'radio'].includes(el.type)) return el.checked ? whole(el.value) : '';
    return whole(el.value.slice(0, LONGEST_TEXT));
  };
  const ROLES = { a: 'link', button: 'button', select: 'list', textarea: 'field' };
  const roleOf = el => whole(el.getAttribute('role') ?? (el.localName === 'input'
    ? (NOT_HELD.includes(el.type) ? 'button' : el.type) : ROLES[el.localName] ?? el.localName));
  const nameOf = el => whole((el.getAttribute('aria-label') || el.labels?.[0]?.innerText || el.innerText
    || (NOT_HELD.includes(el.type) ? el.value : '') || el.getAttribute('title') || el.getAttribute('alt') || '')
    .trim().replace(/\s+/g, ' ').slice(0, 200));

  const SET_NOT_TYPED = ['date', 'time', 'datetime-local', 'month', 'week', 'color', 'range'];
  const TAKES_TEXT = ['', 'text', 'search', 'url', 'tel', 'email', 'password', 'number'];
  const field = (selector, node, mayBreakLines) => async () => {
    const seen = await ready(selector, node, false);
    if (!seen.ok) return plain(seen);
    const el = seen.el, input = el.localName === 'input', area = el.localName === 'textarea';
    const typed = area || el.isContentEditable || (input && TAKES_TEXT.includes(el.type));
    const set = input && SET_NOT_TYPED.includes(el.type);
    if (!typed && !set) return never(`is ${named(el)}, which takes no text`);
    if (el.readOnly) return no('is read-only');
    if (input && mayBreakLines) return never('is a field of one line, but the text has several');
    el.focus({ preventScroll: true });
    if (el.getRootNode().activeElement !== el) return no('does not take the focus');
    if (el.select) el.select(); else getSelection().selectAllChildren(el);
    return { ok: true, set, secret: secret(el) };
  };
  const value = el => whole('value' in el && el.localName !== 'li' ? el.value : el.innerText ?? el.textContent ?? '');
  // A setter the page may have put on the element itself (frameworks do) is passed by.
  const assign = (el, text) => {
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(el), 'value').set.call(el, text);
    for (const name of ['input', 'change']) el.dispatchEvent(new Event(name, { bubbles: true, composed: true }));
  };

  return {
    here: longest => ({
      ok: true, ...here(), x: visualViewport?.pageLeft ?? scrollX, y: visualViewport?.pageTop ?? scrollY,
      status: performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0,
      text: longest ? whole((document.body?.innerText ?? '').slice(0, longest)) : undefined,
    }),

    // Invisible, in its place, still there to be found; what children set for themselves does not bring them back.
    veil: (...els) => ({
      ok: true, ...here(), styles: els.map(el => {
        const own = el.getAttribute('style');
        const unseen = {
          opacity: '0', transition: 'none', animation: 'none', 'text-shadow': 'none', '-webkit-text-fill-color': 'transparent',
        };
        for (const [name, value] of Object.entries(unseen)) el.style.setProperty(name, value, 'important');
        return own;
      }),
    }),

    unveil: (styles, ...els) => {
      els.forEach((el, at) => {
        if (styles[at] === null) el.removeAttribute('style'); else el.style.cssText = styles[at];
      });
      return { ok: true, ...here() };
    },

    // Two turns of the event loop: what a click set off synchronously has begun by then.
    turn: () => new Promise(done => setTimeout(() => setTimeout(() => done({ ok: true, ...here() }), 0), 0)),

    loaded: ms => new Promise(done => {
      const end = () => done({ ok: document.readyState === 'complete', ...here() });
      if (document.readyState === 'complete') return end();
      addEventListener('load', () => setTimeout(end, 0), { once: true });
      setTimeout(end, ms);
    }),

    present: (ms, selector, node) => until(() => plain(there(selector, node)), ms),

    spot: (ms, selector, node) => until(async () => plain(await ready(selector, node, true)), ms),

    focus: (ms, selector, node, mayBreakLines) => until(field(selector, node, mayBreakLines), ms),

    clear: () => { document.execCommand('delete'); return { ok: true, ...here() }; },

    assign: (selector, node, text) => { assign(find(selector, node), text); return { ok: true, ...here() }; },

    held: (selector, node) => {
      const el = find(selector, node);
      return el ? { ok: true, value: value(el), ...here() } : { ...no('went away while it was filled'), ...here() };
    },

    choose: (ms, selector, node, wanted) => until(async () => {
      const seen = await ready(selector, node, false);
      if (!seen.ok) return plain(seen);
      const el = seen.el;
      if (el.localName !== 'select') return never(`is ${named(el)}, not a list to choose from`);
      const option = [...el.options].find(o => o.value === wanted);
      if (!option || option.disabled) {
        const values = [...el.options].filter(o => !o.disabled).map(o => o.value).slice(0, 12);
        return no(`has no option with that value; it has: ${whole(values.join(', ').slice(0, 300))}`);
      }
      el.focus({ preventScroll: true });
      if (el.multiple) { for (const o of el.options) o.selected = o === option; } else el.selectedIndex = option.index;
      for (const name of ['input', 'change']) el.dispatchEvent(new Event(name, { bubbles: true, composed: true }));
      return el.value === wanted ? { ok: true } : never('did not keep the option');
    }, ms),

    read: (ms, selector, node, attribute) => until(() => {
      const el = find(selector, node);
      if (!el || !el.isConnected) return no('is not on the page');
      if (attribute === null) {
        return { ok: true, value: secret(el) ? '(masked)' : whole(value(el).trim().slice(0, LONGEST_TEXT)) };
      }
      const held = el.getAttribute(attribute);
      if (held === null) return no(`has no attribute \`${attribute}\``);
      return { ok: true, value: secret(el) && attribute === 'value' ? '(masked)' : whole(held.slice(0, LONGEST_TEXT)) };
    }, ms),

    subject: (ms, selector, node) => until(() => {
      const whole_page = selector === null && !node;
      const seen = whole_page ? { ok: true, el: null } : there(selector, node);
      if (!seen.ok) return seen;
      const el = seen.el, form = el ? el.form ?? el.closest('form') : null;
      const fields = form ? form.elements : document.querySelectorAll('input, select, textarea');
      const held = [...fields].filter(isHeld).map(one => (
        { name: whole(one.name || one.id || one.localName), value: fieldValue(one), secret: secret(one) }));
      const subject = { address: whole(location.href.replace(/#.*$/, '')), form: held };
      if (el) subject.element = { role: roleOf(el), name: nameOf(el) };
      const sends = el?.getAttribute('formaction') ? el.formAction : form?.getAttribute('action') ? form.action : null;
      if (sends) subject.sends_to = whole(sends);
      return { ok: true, subject };
    }, ms),

    titled: (ms, wanted) => until(() => document.title.includes(wanted)
      ? { ok: true } : no('', { actual: whole(document.title.slice(0, 300)) }), ms),

    shows: (ms, selector, node, wanted) => until(() => {
      const page = selector === null && !node, el = page ? document.body : find(selector, node);
      if (!el || !el.isConnected) return no(page ? 'has no content yet' : 'is not on the page');
      if (!page && !visible(el)) return no('is on the page but not visible');
      const text = secret(el) ? '' : value(el);
      const flat = text.replace(/\s+/g, ' ');
      return text.includes(wanted) || flat.includes(wanted.replace(/\s+/g, ' '))
        ? { ok: true } : no('', { actual: whole(flat.trim().slice(0, 300)) });
    }, ms),

    box: (ms, selector, node) => until(() => {
      const seen = there(selector, node);
      if (!seen.ok) return plain(seen);
      const box = seen.el.getBoundingClientRect();
      return { ok: true, x: box.left + scrollX, y: box.top + scrollY, width: box.width, height: box.height };
    }, ms),
  };
})()
