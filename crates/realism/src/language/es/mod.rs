//! Spanish.

use super::{
    Answers, Asides, Calendar, Cues, Greetings, Lists, Pack, SignOffs, behind_article, is_name,
    uncapitalized,
};
use crate::offline::script::{Book, Row, Span};

// The tables of the scripts, written by the build script.
include!(concat!(env!("OUT_DIR"), "/scripts_es.rs"));

/// `queja del cliente` is `la queja del cliente` in a sentence; names, and phrases that have a
/// determiner of their own or are about doing something, stay as they are.
fn with_article(topic: &str) -> String {
    const DETERMINERS: [&str; 23] = [
        "el", "la", "los", "las", "lo", "un", "una", "unos", "unas", "mi", "mis", "tu", "tus",
        "su", "sus", "nuestro", "nuestra", "nuestros", "nuestras", "este", "esta", "ese", "esa",
    ];
    let first = topic.split(' ').next().unwrap_or_default().to_lowercase();
    let is_verb = ["ar", "er", "ir"].iter().any(|end| first.ends_with(end)) && topic.contains(' ');
    if is_name(topic) || DETERMINERS.contains(&first.as_str()) || is_verb {
        return topic.to_owned();
    }
    format!("{} {}", article(&first), uncapitalized(topic))
}

/// The article of a noun, by its ending and a few that do not go by it.
fn article(noun: &str) -> &'static str {
    let one = noun.strip_suffix('s').unwrap_or(noun);
    let singular = match one {
        _ if one == noun => noun,
        _ => one
            .strip_suffix('e')
            .filter(|stem| stem.ends_with(['d', 'n']))
            .unwrap_or(one),
    };
    let ends = |ends: &[&str]| ends.iter().any(|end| singular.ends_with(end));
    let masculine = [
        "tema", "ema", "grama", "día", "mapa", "avión", "avion", "camión", "camion", "guion",
    ];
    let feminine = [
        "ión", "ion", "dad", "tad", "umbre", "mano", "base", "clave", "llave", "clase", "sede",
    ];
    let known = ["red", "web", "pyme", "orden"].contains(&singular);
    let is_feminine = known || !ends(&masculine) && (ends(&feminine) || singular.ends_with('a'));
    match (is_feminine, one != noun) {
        (true, false) => "la",
        (true, true) => "las",
        (false, false) => "el",
        (false, true) => "los",
    }
}

/// The Spanish pack.
pub(crate) const PACK: Pack = Pack {
    code: "es",
    book: &Book {
        text: include_str!(concat!(env!("OUT_DIR"), "/scripts_es.txt")),
        rows: ROWS,
        mails: MAILS,
        lines: LINES,
    },
    topics: TOPICS,
    calendar: Calendar {
        weekdays: [
            "lunes",
            "martes",
            "miércoles",
            "jueves",
            "viernes",
            "sábado",
            "domingo",
        ],
        months: [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ],
        today: "hoy",
        tomorrow: "mañana",
        from: "desde",
        on_day: |day, near| {
            if near {
                day.to_owned()
            } else {
                format!("el {day}")
            }
        },
        by_day: |day, near| match day {
            "hoy" => "hoy mismo".to_owned(),
            _ if near => format!("para {day}"),
            _ => format!("antes del {day}"),
        },
    },
    numbers: &["dos", "tres", "cuatro", "cinco", "seis"],
    money: |units, currency| {
        let text = if units >= 1_000 {
            format!("{}.{:03}", units / 1_000, units % 1_000)
        } else {
            units.to_string()
        };
        match currency {
            0 => format!("{text} USD"),
            1 => format!("{text} GBP"),
            _ => format!("{text} €"),
        }
    },
    percent: |share| format!("{share} %"),
    invoice_prefix: "F",
    room: "sala",
    with_article,
    without_article: |topic| behind_article(topic, &["el", "la", "los", "las", "un", "una"]),
    vague_topic: "ese tema",
    proper: &["Excel", "PDF", "VPN"],
    contractions: &[],
    mergers: &[(" a el ", " al "), (" de el ", " del ")],
    careless: &[('¿', ""), ('¡', "")],
    lists: Lists {
        people: &[
            "Nuria", "Gonzalo", "Beatriz", "Hugo", "Marisa", "Raúl", "Pilar", "Óscar", "Noelia",
            "Iván", "Rocío", "Andrés", "Silvia", "Fermín", "Aitana", "Joaquín", "Lorena", "Ramón",
            "Ainhoa", "Víctor", "Celia", "Borja", "Teresa", "Emilio", "Sonia", "Martín", "Olga",
            "Gabriel", "Inés", "Rubén", "Miriam", "Jorge", "Alicia", "Felipe", "Yolanda", "Mateo",
            "Susana", "Enrique", "Paloma", "Adrián", "Blanca", "Ignacio", "Leticia", "Óliver",
            "Begoña", "Santiago", "Clara", "Esteban", "Rosario", "Julián", "Vanesa", "Nicolás",
            "Patricia", "Germán", "Eva", "Darío", "Amparo", "Samuel", "Cristina", "Lorenzo",
        ],
        surnames: &[
            "Carrasco", "Montes", "Iglesias", "Ferrer", "Salas", "Cano", "Redondo", "Prieto",
            "Vidal", "Lozano", "Crespo", "Aguilar", "Pascual", "Rovira", "Bravo", "Nieto",
        ],
        vendor_stems: &[
            "Alca", "Bena", "Cordo", "Dura", "Ebro", "Fonta", "Gala", "Iber", "Lumi", "Mon",
            "Norte", "Oli", "Penta", "Quer", "Riba", "Sierra", "Tecno", "Val", "Zara",
        ],
        vendor_ends: &[
            "sa", "tec", "mar", "print", "dis", "sol", "gest", "net", "ser", "plan",
        ],
        vendor_tails: &[
            "",
            "",
            "",
            " Servicios",
            " Suministros",
            " Logística",
            " e Hijos",
        ],
        customer_tails: &["", "", " Alimentación", " Hoteles", " Energía", " Clínicas"],
        projects: &[
            "Almendro", "Faro", "Brújula", "Encina", "Gaviota", "Mistral", "Olivo", "Pinar",
            "Ribera", "Tormes", "Veleta", "Alondra", "Cobre", "Duero", "Levante", "Marea",
        ],
        floors: &[
            "primera planta",
            "segunda planta",
            "tercera planta",
            "cuarta planta",
            "planta baja",
        ],
        cities: &[
            "Zaragoza", "Valencia", "Sevilla", "Bilbao", "Málaga", "Vigo", "Murcia", "Oporto",
            "Lisboa", "Burgos", "Oviedo", "Granada", "Alicante", "Pamplona",
        ],
        durations: &[
            "media hora",
            "una hora",
            "dos horas",
            "veinte minutos",
            "hora y media",
        ],
        quarters: [
            "primer trimestre",
            "segundo trimestre",
            "tercer trimestre",
            "cuarto trimestre",
        ],
    },
    greetings: Greetings {
        any: &[
            "Hola {name},",
            "Hola {name}:",
            "{name},",
            "Hola {name}",
            "Hola, {name},",
            "Buenas,",
        ],
        polite: &["Hola {name}:", "Buenos días {name}:", "Hola {name},"],
        morning: &["Buenos días {name},", "Buenos días {name}:", "Buenos días,"],
        afternoon: &["Buenas tardes {name},", "Buenas tardes,", "Hola {name},"],
        evening: &["Buenas noches {name},", "Buenas,", "Hola {name},"],
        afternoon_from: 14,
        evening_from: 21,
    },
    sign_offs: SignOffs {
        plain: &[
            "Gracias",
            "Un saludo",
            "Saludos",
            "Un abrazo",
            "Hasta luego",
            "Slds",
        ],
        formal: &[
            "Un saludo",
            "Saludos cordiales",
            "Atentamente",
            "Muchas gracias",
            "Saludos",
        ],
    },
    closings: &[
        "[Perfecto|Genial|Estupendo], gracias. | Gracias[, con eso me vale|, era solo eso|]. | Vale, [muchas gracias|gracias].",
        "Hecho. | [Listo|Solucionado], gracias. | Apuntado[, gracias|].",
        "[Bien|Vale], pues lo dejamos así. | [Perfecto|Bien], una cosa menos.",
        "Gracias [otra vez|por todo|por la gestión].",
    ],
    forwards: &[
        "para tu información.",
        "(mira~mire) lo de abajo.",
        "te lo paso[, creo que es para ti|].",
        "¿(puedes~puede) encargarte de esto?",
        "¿(puedes~puede) contestar tú, por favor?",
        "¿esto es para vosotros?",
        "ha llegado [hoy|esta mañana|ahora mismo]. ¿Le (echas~echa) un vistazo?",
        "creo que esto es más cosa tuya que mía.",
        "¿sabemos algo de esto?",
        "¿cómo lo (ves~ve)?",
        "¿qué contestamos?",
        "para que lo tengas.",
        "solo para que lo (sepas~sepa), no hay que hacer nada.",
        "te lo reenvío como [quedamos|hablamos].",
        "este es el hilo del que te [hablé|comenté].",
        "por si no lo (has~ha) visto todavía.",
        "se entiende mejor leyendo desde abajo.",
        "¿lo hablamos [luego|mañana|cuando vuelvas]?",
        "de momento que quede entre nosotros.",
        "¿tú sabías algo?",
        "yo no tengo esos números, ¿los tienes tú?",
        "¿(puedes~puede) comprobar si esto [está bien|sigue así]?",
        "lo que me pediste.",
        "esto es lo que han contestado.",
        "creo que se han equivocado de persona.",
        "te paso la pregunta de abajo. Si podemos, me gustaría contestar hoy.",
        "te lo reenvío antes de que se pierda.",
        "¿qué te parece antes de que conteste?",
        "perdona, tenía que haberte puesto en copia.",
    ],
    answers: Answers {
        question: &[
            "Ahora mismo no lo sé, lo [miro|consulto] y (te~le) digo algo {by_day}. | Buena pregunta. Lo [averiguo|hablo con {name}] y (te~le) cuento {by_day}.",
            "Tendría que mirarlo, {by_day} (te~le) lo digo. | Prefiero no equivocarme, quien lo sabe seguro es {name}. Le pregunto.",
            "(Déjame~Déjeme) que lo mire, {by_day} (te~le) contesto. | Necesito hablarlo antes con {name}, (te~le) digo algo {by_day}.",
        ],
        request: &[
            "[Claro|Sin problema|Por supuesto], lo hago {by_day}. | Sí, me pongo con ello {on_day}.",
            "Yo me encargo, lo (tienes~tiene) {by_day}. | Vale, me lo apunto para {on_day}.",
            "Hoy voy con bastante lío, ¿(te~le) vale {on_day}? | ¿Puede esperar hasta {day}? Prefiero hacerlo con calma.",
        ],
        meeting: &[
            "{on_day} me va bien, y a las {time} también. | {on_day} a las {time}, perfecto.",
            "{on_day} lo tengo complicado, ¿podría ser un poco más tarde? | {on_day} puedo, pero a partir de las {time2}.",
        ],
        money: &[
            "Los {said} los [compruebo|comparo] antes con el pedido. | Lo de los {said} me cuadra, pero lo compruebo.",
            "Antes de decir nada de los {said} quiero ver [el pedido|la oferta].",
        ],
        problem: &[
            "Gracias por avisar, lo miro [esta tarde|en cuanto pueda]. | Qué raro, [ayer|la semana pasada] iba bien. Lo compruebo.",
            "A mí me pasa lo mismo. Ya se lo he dicho a {name}, que lo está mirando. | ¿(Se lo has dicho~Se lo ha dicho) a {name}? Si no, se lo digo yo.",
        ],
        thanks: &["De nada. | No hay de qué. | Para eso estamos. | Me alegro de que sirva."],
        noted: &[
            "Gracias, apuntado. | Gracias por avisar. | Vale, gracias por la información.",
            "Está bien saberlo, gracias. | Recibido, gracias. | [Vale|Bien], lo tengo en cuenta.",
        ],
        more: &[
            "Si cambia algo, (avísame~avíseme).",
            "Se lo comento también a {name}. | {name} también debería saberlo, se lo digo yo.",
            "En cuanto sepa algo más, escribo. | Más noticias {by_day}, como tarde.",
            "Si corre prisa, (llámame~llámeme). | Estoy en mi sitio hasta las {later}, por si (quieres~quiere) hablarlo.",
        ],
    },
    asides: Asides {
        questions: &[
            "¿(Te~Le) parece bien?",
            "¿Cómo lo (ves~ve)?",
            "¿(Necesitas~Necesita) algo más?",
            "¿Qué (te~le) parece?",
        ],
        mentions: &[
            "Antes, {mention}.",
            "Y luego, {mention}.",
            "Eso sí, primero {mention}.",
        ],
        waiting: &[
            "Otra cosa: ¿(tienes~tiene) alguna novedad con {topic}?",
            "Por cierto, ¿qué pasó al final con {topic}?",
            "[Aparte|Aparte de esto], ¿seguimos igual con {topic}?",
        ],
        helped: &[
            "Espero que con eso quedara resuelto lo que (necesitabas~necesitaba) para {topic}.",
            "Por cierto, ¿(te~le) sirvió lo que (te~le) mandé para {topic}?",
            "Lo que hablamos sobre {topic} sigue en pie[, por cierto|].",
        ],
        thankful: &[
            "Por cierto, gracias otra vez por la ayuda con {topic}.",
            "Y gracias de nuevo por lo del otro día con {topic}.",
            "Lo que hablamos sobre {topic} sigue en pie[, por cierto|].",
        ],
        owing: &[
            "De lo que me (escribiste~escribió) sobre {topic} no me he olvidado.",
            "[Y|Por cierto,] ¿(necesitas~necesita) todavía algo de mí para {topic}?",
            "(Te~Le) debo una respuesta sobre {topic}, lo sé.",
        ],
        vague: &["un", "una", "tu", "mi"],
    },
    cues: Cues {
        requests: &[
            "puedes",
            "podrías",
            "puede",
            "podría",
            "por favor",
            "necesito",
            "hay que",
            "tenemos que",
            "tienes que",
            "tiene que",
            "te importa",
            "le importa",
            "habría que",
            "hace falta",
            "si puedes",
            "me pasas",
            "me ayudas",
            "agradecería",
            "revisa",
            "revísa",
            "revise",
            "manda",
            "mánda",
            "mánde",
            "envía",
            "envíe",
            "pásame",
            "páseme",
            "dime",
            "dígame",
            "mira",
            "échale",
            "avísa",
            "avíse",
            "confírma",
            "confirma",
            "prepara",
            "llámame",
            "llámeme",
        ],
        meetings: &[
            "nos vemos",
            "hablamos",
            "quedamos",
            "reunión",
            "reunirnos",
            "llamada",
            "hueco",
            "te viene",
            "le viene",
            "te va bien",
            "le va bien",
            "encaja",
            "libre",
            "agenda",
            "lo vemos",
            "lo miramos",
        ],
        thanks: &["gracias", "agradezco", "agradecido", "agradecida"],
        currencies: &["eur", "euro", "euros", "usd", "dólares", "gbp", "libras"],
        problems: &[
            "problema",
            "error",
            "roto",
            "rota",
            "caído",
            "caída",
            "falla",
            "falló",
            "se cae",
            "atasca",
            "lento",
            "lenta",
            "no funciona",
            "no puedo",
            "no pueden",
            "incidencia",
            "avería",
            "mal",
        ],
        before_part_of_day: &["la"],
        glad: &[
            "gracias",
            "genial",
            "perfecto",
            "estupendo",
            "nos vemos",
            "bien",
        ],
        common: &[
            "el", "la", "de", "que", "y", "en", "los", "se", "del", "las", "por", "un", "para",
            "con", "no", "una", "su", "lo", "es", "al", "está", "gracias", "si", "ya", "hay",
        ],
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_get_the_article_they_lack() {
        let check = |topic: &str, expected: &str| assert_eq!(with_article(topic), expected);
        check("queja del cliente", "la queja del cliente");
        check("Presupuesto anual", "el presupuesto anual");
        check("vacaciones de verano", "las vacaciones de verano");
        check("renovaciones", "las renovaciones");
        check("reunión con el proveedor", "la reunión con el proveedor");
        check("web nueva", "la web nueva");
        check("camión averiado", "el camión averiado");
        check("programa de formación", "el programa de formación");
        check("planes de agosto", "los planes de agosto");
        check("la impresora", "la impresora");
        check("preparar la feria", "preparar la feria");
        check("Proyecto Faro", "Proyecto Faro");
        check("VPN", "VPN");
        assert_eq!((PACK.without_article)("La impresora"), "impresora");
        assert_eq!((PACK.without_article)("lana"), "lana");
    }
}
