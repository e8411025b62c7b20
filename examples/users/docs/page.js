'use strict';

// send sends a request, and shows how it was answered, how long that took, and whether the cache answered.
async function send(method, path, body) {
	const row = document.createElement('tr');
	const cells = Array.from({ length: 5 }, () => row.appendChild(document.createElement('td')));
	const say = (text) => { document.getElementById('status').textContent = text; };
	cells[0].textContent = `${method} ${path}`;
	cells[1].textContent = '…';
	document.getElementById('answers').prepend(row);
	say(`${method} ${path} is under way.`);

	const start = performance.now();
	let answer;
	try {
		const response = await fetch(path, {
			method,
			headers: body && { 'Content-Type': 'application/json' },
			body: body && JSON.stringify(body),
			cache: 'no-store', // the browser's cache is not the one to look at
		});
		answer = { text: (await response.text()).trim(), status: response.status, cache: response.headers.get('X-Cache') ?? '' };
	} catch (error) {
		answer = { text: `${error.message}: is the service running?`, status: 'none', cache: '' };
	}
	const took = `${(performance.now() - start).toFixed(0)} ms`;

	row.dataset.status = cells[1].textContent = answer.status;
	row.dataset.cache = cells[2].textContent = answer.cache;
	cells[3].textContent = took;
	cells[4].append(code(answer.text));
	cells[1].classList.toggle('bad', !(answer.status < 400));
	if (answer.cache) cells[2].classList.add(answer.cache);
	say(`${method} ${path}: status ${answer.status}${answer.cache && `, ${answer.cache}`}, ${took}.`);
	return answer;
}

function code(text) {
	const element = document.createElement('code');
	element.textContent = text; // never as HTML: names are what users typed
	return element;
}

// onSubmit calls act with a form's fields.
function onSubmit(form, act) {
	document.getElementById(form).addEventListener('submit', (event) => {
		event.preventDefault();
		act(Object.fromEntries(new FormData(event.target)));
	});
}

onSubmit('create', async (user) => {
	const { status, text } = await send('POST', '/users/', user);
	if (status !== 201) return;
	for (const form of ['read', 'update']) document.getElementById(form).elements.id.value = JSON.parse(text).id;
	document.getElementById('update').elements.email.value = user.email;
});
onSubmit('read', ({ id }) => send('GET', `/users/${id}`));
onSubmit('update', ({ id, ...user }) => send('PUT', `/users/${id}`, user));

// The list of requests is the one of the description, so that they cannot differ.
async function describe() {
	const { paths } = await (await fetch('/docs/openapi.json')).json();
	for (const [path, methods] of Object.entries(paths)) {
		for (const [method, operation] of Object.entries(methods)) {
			if (!operation.responses) continue;
			const title = document.createElement('h3');
			title.append(code(`${method.toUpperCase()} ${path}`), ` ${operation.summary}`);
			const list = document.createElement('ul');
			for (const [status, response] of Object.entries(operation.responses)) {
				list.appendChild(document.createElement('li')).append(code(status), ` ${response.description ?? ''}`);
			}
			document.getElementById('paths').append(title, list);
		}
	}
}
describe();
