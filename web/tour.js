// The lessons of the tour: predict, run, see why.
import { button, el, fit } from 'lab/dom.js';
import { split } from 'lab/state.js';

export class Tour {
  // `chosen` hears the lesson that is shown, `attempt` a command line to try in the lab.
  constructor(engine, place, { chosen, attempt }) {
    Object.assign(this, { engine, place, chosen, attempt });
    this.answers = [];
  }

  async show(index) {
    this.lessons ??= JSON.parse(await this.engine.call({ call: 'lessons' }));
    this.index = Math.min(index, this.lessons.length - 1);
    const lesson = this.lessons[this.index];
    this.running?.abort(new DOMException('', 'AbortError'));
    const list = el(
      'ol',
      { class: 'lessons' },
      ...this.lessons.map(({ title, minutes }, other) =>
        el(
          'li',
          {},
          button(title, () => this.show(other), {
            'aria-current': other === this.index ? 'true' : null,
            title: `${minutes} minutes`,
          }),
          this.mark(other),
        ),
      ),
    );
    const intro = el('div', { class: 'part' });
    intro.innerHTML = lesson.html;
    const findings = el('div', { class: 'part findings', 'aria-live': 'polite' });
    const choices = lesson.choices.map((choice, said) =>
      button(`${'abcdefgh'[said]}) ${plain(choice)}`, event => this.reveal(said, event.target, findings), {
        class: 'answer',
      }),
    );
    if (lesson.unavailable) for (const choice of choices) choice.disabled = true;
    const question = el(
      'section',
      { class: 'question', 'aria-label': 'Question' },
      el('h3', {}, plain(lesson.question)),
      ...choices,
      lesson.unavailable
        ? el('p', { class: 'note' }, `This lesson does not run here: ${plain(lesson.unavailable)}.`)
        : button('Show me without a prediction', event => this.reveal(null, event.target, findings), { class: 'link' }),
    );
    this.place.replaceChildren(
      el(
        'details',
        { class: 'contents', open: innerWidth > 900 },
        el('summary', {}, `Lesson ${this.index + 1} of ${this.lessons.length}`),
        el('nav', { 'aria-label': 'Lessons' }, list),
      ),
      el('article', { class: 'lesson', tabindex: '-1' }, intro, question, findings),
    );
    this.chosen(this.index);
  }

  mark(index) {
    const answer = this.answers[index];
    return answer == null
      ? null
      : el('span', { class: answer ? 'right' : 'wrong' }, answer ? ' ✓ predicted' : ' ✗ another answer');
  }

  async reveal(said, pressed, findings) {
    this.running?.abort(new DOMException('', 'AbortError'));
    const { signal } = (this.running = new AbortController());
    for (const other of this.place.querySelectorAll('.answer')) other.disabled = true;
    pressed.classList.add('chosen');
    this.place.querySelector('.question .link').remove();
    findings.replaceChildren(el('p', { class: 'note' }, 'The transports run …'));
    const index = this.index;
    try {
      const { html, right } = JSON.parse(await this.engine.call({ call: 'lesson', index, said }, signal));
      if (signal.aborted) return;
      if (said != null) {
        this.answers[index] = said === right;
        if (said !== right) pressed.classList.add('wrong');
      }
      this.place.querySelectorAll('.answer')[right]?.classList.add('right');
      findings.innerHTML = html;
      fit(findings);
      for (const code of findings.querySelectorAll('pre code')) {
        const line = code.textContent.replace(/^\$ wirelab /, '');
        if (isOne(line))
          code.parentElement.append(
            button('Try it here', () => this.attempt(line.replace(/ --ladder/, '')), { class: 'link' }),
          );
      }
      if (index + 1 < this.lessons.length)
        findings.append(
          button(`Next: ${this.lessons[index + 1].title}`, () => {
            this.show(index + 1);
            scrollTo(0, 0);
          }),
        );
      const item = this.place.querySelectorAll('.lessons li')[index];
      item.querySelector('span')?.remove();
      item.append(this.mark(index) ?? '');
    } catch (error) {
      if (!signal.aborted) findings.replaceChildren(el('p', { class: 'error' }, error.message));
    }
  }
}

// Whether the lab can run a command line: one link and one workload, with any transports and controllers.
function isOne(line) {
  const words = split(line);
  const isList = (word, index) =>
    word.includes(',') && !['-t', '-C', '--to-server', '--to-client'].includes(words[index - 1]);
  return ['hol', 'bench'].includes(words[0]) && words.includes('-t') && !words.some(isList);
}

// Text without the marks of code.
const plain = text => text.replaceAll('`', '');
