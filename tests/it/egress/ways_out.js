// Every way out of a page that we know of, each under its own host name (or path, for addresses by number).
const here = new URLSearchParams(location.search);
const [tcp, quic, stun, ip] = ['tcp', 'quic', 'stun', 'ip'].map(name => here.get(name));
const http = way => `http://${way}.evil.test/${way}`;
const https = way => `https://${way}.evil.test/${way}`;
const add = (name, fields, inside = document.body) => inside.append(Object.assign(document.createElement(name), fields));
const link = (rel, way, more) => add('link', { rel, href: http(way), ...more }, document.head);
const quietly = promise => promise.catch(() => {});

const ways = {
  img: () => { new Image().src = http('img'); },
  'img-https': () => { new Image().src = https('img-https'); },
  srcset: () => add('img', { srcset: http('srcset') + ' 1x' }),
  script: () => add('script', { src: http('script') }),
  module: () => add('script', { type: 'module', src: http('module') }),
  'dynamic-import': () => quietly(import(http('dynamic-import'))),
  css: () => link('stylesheet', 'css'),
  'css-import': () => add('style', { textContent: `@import url(${http('css-import')})` }, document.head),
  'css-image': () => add('div', { style: `background:url(${http('css-image')});width:9px;height:9px` }),
  font: () => {
    add('style', { textContent: `@font-face{font-family:f;src:url(${http('font')})}` }, document.head);
    add('p', { style: 'font-family:f', textContent: 'font' });
  },
  video: () => add('video', { src: http('video'), preload: 'auto' }),
  audio: () => add('audio', { src: http('audio'), preload: 'auto' }),
  track: () => {
    const video = Object.assign(document.createElement('video'), { crossOrigin: 'anonymous' });
    const track = Object.assign(document.createElement('track'), { src: http('track'), kind: 'captions', default: true });
    video.append(track); document.body.append(video); track.track.mode = 'showing';
  },
  iframe: () => add('iframe', { src: http('iframe') }),
  srcdoc: () => add('iframe', { srcdoc: `<img src=${http('srcdoc')}>` }),
  sandbox: () => add('iframe', { sandbox: 'allow-scripts', srcdoc: `<script>fetch('${http('sandbox')}',{mode:'no-cors'})</script>` }),
  object: () => add('object', { data: http('object') }),
  embed: () => add('embed', { src: http('embed') }),
  fetch: () => quietly(fetch(http('fetch'))),
  'fetch-https': () => quietly(fetch(https('fetch-https'))),
  preflight: () => quietly(fetch(http('preflight'), { method: 'PUT', headers: { 'x-a': 'b' } })),
  keepalive: () => quietly(fetch(http('keepalive'), { keepalive: true, mode: 'no-cors' })),
  xhr: () => { const x = new XMLHttpRequest(); x.open('POST', http('xhr')); x.send('x'); },
  beacon: () => navigator.sendBeacon(http('beacon'), 'x'),
  eventsource: () => { new EventSource(http('eventsource')); },
  ws: () => { new WebSocket('ws://ws.evil.test/ws'); },
  wss: () => { new WebSocket('wss://wss.evil.test/wss'); },
  'redirect-img': () => { new Image().src = '/redirect-img'; },
  'redirect-fetch': () => quietly(fetch('/redirect-fetch', { mode: 'no-cors' })),
  'redirect-iframe': () => add('iframe', { src: '/redirect-iframe' }),
  popup: () => open(http('popup')),
  'popup-noopener': () => open(http('popup-noopener'), '', 'noopener'),
  'popup-redirect': () => open('/popup-redirect'),
  'form-post': () => {
    add('iframe', { name: 'target' });
    const form = Object.assign(document.createElement('form'), { method: 'post', action: http('form-post'), target: 'target' });
    document.body.append(form); form.submit();
  },
  ping: () => { add('a', { ping: http('ping'), href: '#x', id: 'pinger' }); document.getElementById('pinger').click(); },
  prefetch: () => link('prefetch', 'prefetch'),
  preload: () => link('preload', 'preload', { as: 'image' }),
  modulepreload: () => link('modulepreload', 'modulepreload'),
  icon: () => link('icon', 'icon'),
  manifest: () => link('manifest', 'manifest'),
  'dns-prefetch': () => link('dns-prefetch', 'dns-prefetch'),
  preconnect: () => add('link', { rel: 'preconnect', href: https('preconnect') }, document.head),
  speculation: () => add('script', { type: 'speculationrules', textContent: JSON.stringify({
    prefetch: [{ urls: [http('speculation')], eagerness: 'immediate' }],
    prerender: [{ urls: ['/redirect-prerender'], eagerness: 'immediate' }] }) }),
  worker: () => { new Worker('/worker.js'); },
  shared: () => { new SharedWorker('/shared.js'); },
  service: () => quietly(navigator.serviceWorker.register('/service.js')),
  userinfo: () => { new Image().src = 'http://rehearsal.localhost@userinfo.evil.test/userinfo'; },
  lookalike: () => { new Image().src = 'http://lookalike.rehearsal.localhost.evil.test/lookalike'; },
  'lookalike-localhost': () => { new Image().src = `http://lookalike-rehearsal.localhost:${tcp}/lookalike-localhost`; },
  'other-port': () => { new Image().src = `http://rehearsal.localhost:${tcp}/other-port`; },
  'ip-dotted': () => { new Image().src = `http://127.0.0.1:${tcp}/ip-dotted`; },
  'ip-decimal': () => { new Image().src = `http://2130706433:${tcp}/ip-decimal`; },
  'ip-hex': () => { new Image().src = `http://0x7f.1:${tcp}/ip-hex`; },
  'ip-mapped': () => { new Image().src = `http://[::ffff:127.0.0.1]:${tcp}/ip-mapped`; },
  'ip-zero': () => { new Image().src = `http://0.0.0.0:${tcp}/ip-zero`; },
  localhost: () => { new Image().src = `http://localhost:${tcp}/localhost`; },
};

// UDP leaves no refusal behind, so the page says when it has given up.
const webtransport = async () => {
  const transport = new WebTransport(`https://127.0.0.1:${quic}/webtransport`);
  await Promise.allSettled([transport.ready, transport.closed]);
};
const rtc = urls => new Promise(done => {
  const peer = new RTCPeerConnection({ iceServers: [{ urls, username: 'u', credential: 'c' }] });
  peer.createDataChannel('x');
  peer.onicegatheringstatechange = () => { if (peer.iceGatheringState === 'complete') done(); };
  peer.createOffer().then(offer => peer.setLocalDescription(offer));
});

function fire() {
  const broken = [];
  for (const [way, go] of Object.entries(ways)) {
    try { go(); } catch (error) { broken.push(`${way}: ${error}`); }
  }
  const given_up = Promise.allSettled([
    webtransport(), rtc([`stun:${ip}:${stun}`]), rtc([`turn:${ip}:${tcp}?transport=tcp`]),
  ]);
  given_up.then(() => { document.title = 'given up'; });
  return broken;
}
